/** A message as it goes to the broker: its own fields behind those that tell it from any other. Pure. */
import type { Queued } from '../protocol/queued.ts'

/** @param text JSON text of an object */
export const wrapMessage = ({ class: messageClass, epoch, seq, at }: Queued, text: string): Buffer =>
  Buffer.from(
    `{"class":"${messageClass}","epoch":${epoch},"seq":${seq},"at":${at}${text === '{}' ? '' : ','}${text.slice(1)}`,
  )
