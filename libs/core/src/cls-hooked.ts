export { clsHookedNamespace } from './context/cls-hooked-namespace.js';
