/** Products that differ in one thing, such as colour or size. */
export interface Family {
  code: string;
  name: string;
  description: string;
  /** Variant → price in cents and stock. A family without variants has one that is called ''. */
  variants: Record<string, [priceCents: number, stock: number]>;
}
