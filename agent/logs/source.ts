/** Where lines of a log come from: a container that runs, or ran, or the agent itself. */
import type { LogFrame } from '../engine/engine.ts'

export type LogSource = {
  /** for people, as web-1 */
  readonly name: string
  /** Ends with the source. What it throws is told as the fault of this source, and the others go on. */
  readonly frames: AsyncIterable<readonly LogFrame[]>
}

/** A frame that ends no line is a piece of one. */
export const endsLine = ({ bytes }: LogFrame): boolean => bytes.at(-1) === 10
