import type { Clock } from '@nest-transactional/core';

/** A clock on which time passes `factor` times as fast, for waits that are long by design. */
export function hastyClock(factor: number): Clock {
  return {
    now: () => performance.now() * factor,
    after(ms, alarm) {
      const timer = setTimeout(alarm, ms / factor);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
