import { describe, expect, it } from '@jest/globals';
import { isRollbackOn } from './rollback-rules.js';

class PaymentError extends Error {}
class CardError extends PaymentError {}
class ExpiredCardError extends CardError {}
abstract class AbstractError extends Error {}
class ConcreteError extends AbstractError {}

describe('an error', () => {
  it.each([new Error('any'), new ExpiredCardError(), 'a string', undefined, null, { code: 1 }])(
    'rolls back without rules: %p',
    (error) => {
      expect(isRollbackOn(noRules, error)).toBe(true);
    },
  );

  it('commits when noRollbackFor names its class or one above it', () => {
    const rules = { ...noRules, noRollbackFor: PaymentError };

    expect(isRollbackOn(rules, new PaymentError())).toBe(false);
    expect(isRollbackOn(rules, new ExpiredCardError())).toBe(false);
    expect(isRollbackOn(rules, new Error('other'))).toBe(true);
  });

  it('rolls back still when rollbackFor names only other errors', () => {
    expect(isRollbackOn({ ...noRules, rollbackFor: PaymentError }, new Error('other'))).toBe(true);
  });

  it.each([
    [new PaymentError(), true],
    [new CardError(), false],
    [new ExpiredCardError(), false],
    [new Error('other'), true],
  ])(
    'follows the closest class: rollbackFor the base, noRollbackFor its subclass: %p → %p',
    (error, rolls) => {
      expect(isRollbackOn({ rollbackFor: [PaymentError], noRollbackFor: [CardError] }, error)).toBe(rolls);
    },
  );

  it.each([
    [new PaymentError(), false],
    [new CardError(), true],
    [new ExpiredCardError(), true],
  ])(
    'follows the closest class: noRollbackFor the base, rollbackFor its subclass: %p → %p',
    (error, rolls) => {
      expect(isRollbackOn({ rollbackFor: CardError, noRollbackFor: PaymentError }, error)).toBe(rolls);
    },
  );

  it('takes the closest class of a list, wherever it stands in it', () => {
    const rules = { rollbackFor: CardError, noRollbackFor: [ExpiredCardError, Error] };

    expect(isRollbackOn(rules, new ExpiredCardError())).toBe(false);
    expect(isRollbackOn(rules, new CardError())).toBe(true);
    expect(isRollbackOn(rules, new PaymentError())).toBe(false);
  });

  it('rolls back when both rules name the same class', () => {
    expect(isRollbackOn({ rollbackFor: CardError, noRollbackFor: CardError }, new CardError())).toBe(true);
  });

  it('can be selected by an abstract class, and by Error itself', () => {
    expect(isRollbackOn({ ...noRules, noRollbackFor: AbstractError }, new ConcreteError())).toBe(false);
    expect(isRollbackOn({ ...noRules, noRollbackFor: Error }, new ConcreteError())).toBe(false);
    expect(isRollbackOn({ ...noRules, noRollbackFor: Error }, 'not an error')).toBe(true);
  });

  it('can be selected by a predicate, which is as close as the class itself', () => {
    const isGone = (error: unknown): boolean => (error as { status?: number }).status === 410;
    const gone = Object.assign(new ExpiredCardError(), { status: 410 });

    expect(isRollbackOn({ ...noRules, noRollbackFor: isGone }, gone)).toBe(false);
    expect(isRollbackOn({ ...noRules, noRollbackFor: isGone }, new ExpiredCardError())).toBe(true);
    expect(isRollbackOn({ noRollbackFor: isGone, rollbackFor: CardError }, gone)).toBe(false);
    expect(isRollbackOn({ rollbackFor: isGone, noRollbackFor: ExpiredCardError }, gone)).toBe(true);
  });

  it('rolls back for an empty list of exceptions', () => {
    expect(isRollbackOn({ ...noRules, noRollbackFor: [] }, new Error('any'))).toBe(true);
  });
});

const noRules = { rollbackFor: undefined, noRollbackFor: undefined };
