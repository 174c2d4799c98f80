import { addToBasket, startBasket } from './basket.js';
import { startCatalogue, updateStock } from './catalogue.js';
import { announce, byId } from './format.js';
import { closeOrder, showOrder, startOrder } from './order.js';

const productsOf = (order) => order.lines.map(({ product }) => product);

startBasket({
  onPlaced(order) {
    showOrder(order);
    updateStock(productsOf(order));
    byId('order').focus();
    announce(`Order placed. Thank you, ${order.customer}.`);
  },
  onStock: updateStock,
});
void startOrder((order) => updateStock(productsOf(order)));
void startCatalogue((product) => {
  closeOrder();
  addToBasket(product);
});
