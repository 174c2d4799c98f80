import { addToBasket, startBasket, updateBasket } from './basket.js';
import { showProduct, startCatalogue, updateStock } from './catalogue.js';
import { editProduct, startEditor } from './editor.js';
import { announce, byId } from './format.js';
import { closeOrder, showOrder, startOrder } from './order.js';

startBasket({
  onPlaced(order) {
    showOrder(order);
    updateStock(order.lines.map(({ product }) => product));
    byId('order').focus();
    announce(`Order placed. Thank you, ${order.customer}.`);
  },
  onStock: updateStock,
});
startEditor((product) => {
  showProduct(product);
  updateBasket(product);
});
void startOrder(updateStock);
void startCatalogue({
  onAdd(product) {
    closeOrder();
    addToBasket(product);
  },
  onEdit: editProduct,
});
