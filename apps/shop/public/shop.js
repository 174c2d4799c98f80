import { addToBasket, startBasket, updateBasket } from './basket.js';
import { refreshStock, showProduct, startCatalogue, updateStock } from './catalogue.js';
import { editProduct, startEditor } from './editor.js';
import { announce, byId } from './format.js';
import { closeOrder, showOrder, startOrder } from './order.js';

startBasket({
  onPlaced(order) {
    showOrder(order);
    byId('order').focus();
    announce(`Order placed. Thank you, ${order.value.customer}.`);
    void refreshStock();
  },
  onStock: updateStock,
});
const onCurrent = (product) => {
  showProduct(product);
  updateBasket(product);
};
startEditor(onCurrent);
void startOrder(refreshStock);
void startCatalogue({
  onAdd(product) {
    closeOrder();
    addToBasket(product);
  },
  onEdit: (product) => editProduct(product, onCurrent),
});
