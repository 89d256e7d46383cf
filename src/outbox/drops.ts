/** What was dropped, gathered into ranges until it is told. Pure. */
import type { Dropped } from '../protocol/queued.ts'

/** One range for each class, epoch and reason: what is dropped together lies together. */
export const addDrop = (drops: readonly Dropped[], drop: Dropped): Dropped[] => {
  const index = drops.findIndex(
    (one) => one.class === drop.class && one.epoch === drop.epoch && one.reason === drop.reason,
  )
  const other = drops[index]
  if (other === undefined) return [...drops, drop]
  const merged = {
    ...other,
    from: Math.min(other.from, drop.from),
    to: Math.max(other.to, drop.to),
    count: other.count + drop.count,
  }
  return drops.with(index, merged)
}
