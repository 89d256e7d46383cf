/** Hands what is retained to a subscriber as fast as it reads, so that a large fleet's state does not gather in memory. */
import { setImmediate as turn } from 'node:timers/promises'
import type { ClientStream } from './client-stream.ts'

/** Smaller ones may be some ahead of what the stream knows of. */
const largeBytes = 8 * 1024

/** Streams hand over within some turns; a message that never comes must not hold up the others. */
const mostTurns = 50

export async function* pace<Message extends { readonly payload: Buffer }>(
  matches: Iterable<Message>,
  stream: ClientStream,
): AsyncIterable<Message> {
  for (const message of matches) {
    if (stream.isBehind()) await new Promise<void>((resolve) => stream.onRoom(resolve))
    if (stream.destroyed) return
    const before = stream.acceptedBytes()
    yield message
    if (message.payload.length < largeBytes) continue
    for (let turns = 0; turns < mostTurns && stream.acceptedBytes() - before < message.payload.length; turns += 1)
      await turn()
  }
}
