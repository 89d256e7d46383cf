/** Asks a device for all that helps to find a fault, and puts the pieces of its answer together. */
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { type Reply, replySchema } from '../protocol/command.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { ask } from './command.ts'
import type { Fleet } from './fleet.ts'

export type DiagnoseInput = {
  readonly device: string
  readonly by: string
  /** without a piece for this long it is given up */
  readonly timeoutMs: number
  readonly onPiece?: (piece: number, pieces: number) => void
  /** epoch ms */
  readonly now: number
}

const pieceSchema = z.looseObject({ piece: z.int().nonnegative(), pieces: z.int().positive(), data: z.base64() })
const resultSchema = z.looseObject({ pieces: z.int(), bytes: z.int(), sha256: z.string() })

/** Of a device whose agent was taken over: what unpacks to more is none of ours. */
const mostBytes = 256 * 1024 * 1024

/**
 * @returns the reply, and with it the facts where the device told them
 * @throws LongshoreError no-answer, message-invalid where pieces are missing or changed
 */
export const diagnose = async (
  fleet: Fleet,
  { device, by, timeoutMs, onPiece, now }: DiagnoseInput,
): Promise<{ readonly reply: Reply; readonly facts?: Readonly<Record<string, unknown>> }> => {
  const pieces = new Map<number, Buffer>()
  const onProgress = ({ result }: Reply): void => {
    const read = pieceSchema.safeParse(result)
    if (!read.success) return
    pieces.set(read.data.piece, Buffer.from(read.data.data, 'base64'))
    onPiece?.(pieces.size, read.data.pieces)
  }
  const reply = replySchema.parse(
    await ask(fleet, { device, verb: 'diagnose', args: { by }, timeoutMs, onProgress, now }),
  )
  if (reply.outcome !== 'done') return { reply }
  const result = resultSchema.safeParse(reply.result)
  const packed = Buffer.concat([...pieces].sort(([a], [b]) => a - b).map(([, bytes]) => bytes))
  if (!result.success || createHash('sha256').update(packed).digest('hex') !== result.data.sha256)
    throw new LongshoreError(
      'message-invalid',
      `${pieces.size} pieces came of what ${device} told, and not all: ask again`,
    )
  return { reply, facts: JSON.parse(gunzipSync(packed, { maxOutputLength: mostBytes }).toString()) }
}
