/** Which of two messages of a device was said later. They come twice, and late after an outage: not the last that came. Pure. */
import type { Queued } from './queued.ts'

export type Said = Pick<Queued, 'epoch' | 'seq' | 'at'>

/**
 * Within one run of the agent its numbers rise, whatever is done to its clock. A later run has a higher epoch, and one with a
 * lower epoch is later all the same when its clock says so: a device that was made anew begins again.
 */
export const isNewer = (a: Said, b: Said): boolean =>
  a.epoch === b.epoch ? a.seq > b.seq : a.epoch > b.epoch || a.at > b.at
