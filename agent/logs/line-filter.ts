/**
 * `grep` on the device, so that only what is wanted costs bytes on the link. A regular expression can take for ever on a line
 * (nested repetitions), and the agent has one thread: each portion has so long, then the pattern is given up. Node can
 * interrupt a match only in a `vm` script, which costs a tenth of a millisecond a portion.
 */
import vm from 'node:vm'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { LogFrame } from '../engine/engine.ts'
import { endsLine } from './source.ts'

export type LineFilter = (source: string, frames: readonly LogFrame[]) => LogFrame[]

const mostMs = 200

/** Of a line so many bytes are looked at; the rest of it follows what was found there. */
const lookedAtBytes = 64 * 1024

type OpenLine = {
  pieces: LogFrame[]
  bytes: number
  /** of a line that is longer than what is looked at */
  isWanted?: boolean
}

/** @throws LongshoreError message-invalid for a pattern that is none; the filter itself: pattern-too-slow */
export const createLineFilter = (pattern: string): LineFilter => {
  const expression = toExpression(pattern)
  const open = new Map<string, OpenLine>()
  let work: () => void = () => undefined
  const script = new vm.Script('work()')
  const context = vm.createContext({ work: () => work() })

  const isMatch = (pieces: readonly LogFrame[]): boolean => {
    const bytes =
      pieces.length === 1 ? (pieces[0] as LogFrame).bytes : Buffer.concat(pieces.map((piece) => piece.bytes))
    return expression.test(bytes.toString('utf8').replace(/\r?\n$/, ''))
  }

  return (source, frames) => {
    const kept: LogFrame[] = []
    work = () => {
      for (const frame of frames) {
        const key = `${source} ${frame.stream}`
        const line = open.get(key) ?? { pieces: [], bytes: 0 }
        const hasEnd = endsLine(frame)
        if (line.isWanted === undefined) {
          line.pieces.push(frame)
          line.bytes += frame.bytes.length
          if (hasEnd || line.bytes >= lookedAtBytes) {
            line.isWanted = isMatch(line.pieces)
            if (line.isWanted) kept.push(...line.pieces)
            line.pieces = []
          }
        } else if (line.isWanted) kept.push(frame)
        if (hasEnd) open.delete(key)
        else open.set(key, line)
      }
    }
    try {
      script.runInContext(context, { timeout: mostMs })
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
      throw new LongshoreError('pattern-too-slow', `grep ${JSON.stringify(pattern)} took more than ${mostMs} ms`)
    }
    return kept
  }
}

const toExpression = (pattern: string): RegExp => {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw new LongshoreError('message-invalid', `grep: ${(error as Error).message}`, { path: 'grep', cause: error })
  }
}
