export { clsHookedNamespace, type ClsHookedNamespace } from './context/cls-hooked-namespace.js';
