/** Why the disk did not take or give something, as one of our codes. */
import { LongshoreError } from '../protocol/reason.ts'

/** `disk-full` or `state-unusable`. */
export const diskFault = (error: unknown, doing: string): LongshoreError => {
  if (error instanceof LongshoreError) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new LongshoreError('disk-full', `${doing}: no space left on the disk`, { cause: error })
  return new LongshoreError('state-unusable', `${doing}: ${message}`, { cause: error })
}
