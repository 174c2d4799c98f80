import {
  type ArgumentsHost,
  Catch,
  ConflictException,
  HttpStatus,
  ServiceUnavailableException,
} from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { OptimisticLockError, RetriesExhaustedError } from '@nest-transactional/core';

/**
 * Answers 409, with what is there now, when somebody else was faster: either the client has told which version they had
 * seen, or the service has met others at the same row in every try.
 */
@Catch(OptimisticLockError, RetriesExhaustedError)
export class ConflictFilter extends BaseExceptionFilter {
  override async catch(
    error: OptimisticLockError | RetriesExhaustedError,
    host: ArgumentsHost,
  ): Promise<void> {
    const conflict = error instanceof RetriesExhaustedError ? error.cause : error;
    super.catch(conflict instanceof OptimisticLockError ? await refusal(conflict) : busy(), host);
  }
}

async function refusal(error: OptimisticLockError): Promise<ConflictException> {
  const { entity, id, expected } = error;
  // A database that does not answer any more must not turn the refusal into another failure.
  const current = await error.current<{ version: number }>().catch(() => undefined);
  const actual = current === undefined ? error.actual : (current?.version ?? null);
  const fate = actual === null ? 'deleted' : 'changed';
  return new ConflictException({
    statusCode: HttpStatus.CONFLICT,
    error: 'Conflict',
    message: `${entity} ${String(id)} has been ${fate} meanwhile. Nothing of your change was stored.`,
    entity,
    id,
    expected,
    actual,
    current,
  });
}

function busy(): ServiceUnavailableException {
  return new ServiceUnavailableException(
    'Too many wanted the same at once. Nothing was stored; please try again.',
  );
}
