type Method = (this: unknown, ...all: unknown[]) => Promise<unknown>;

/** What {@link Logged} wrote. */
export const logged: string[] = [];

/** Writes down each call, as tracing decorators do. */
export function Logged(): MethodDecorator {
  return wrapping(
    'Logged',
    (method) =>
      async function (...all) {
        logged.push(`${method.name}(${all.join()})`);
        const result = await method.apply(this, all);
        logged.push(`${method.name} resolved`);
        return result;
      },
  );
}

/** Remembers each result, as caching decorators do. */
export function Cached(): MethodDecorator {
  const results = new Map<string, Promise<unknown>>();
  return wrapping(
    'Cached',
    (method) =>
      function (...all) {
        const key = JSON.stringify(all);
        if (!results.has(key)) results.set(key, method.apply(this, all));
        return results.get(key)!;
      },
  );
}

/** A decorator that puts another function in the method's place, and makes it look like the method. */
function wrapping(by: string, wrap: (method: Method) => Method): MethodDecorator {
  return (_target, _key, descriptor) => {
    const method = descriptor.value as unknown as Method;
    const wrapper = wrap(method);
    Object.defineProperties(wrapper, {
      name: { value: method.name },
      length: { value: method.length },
      wrappedBy: { value: by },
    });
    for (const key of Reflect.getMetadataKeys(method)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, method), wrapper);
    }
    descriptor.value = wrapper as never;
  };
}
