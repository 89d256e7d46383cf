/** The value of a secret, from where nobody sees it: a file, standard input, or a prompt that shows nothing. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { buffer as readAll } from 'node:stream/consumers'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'

export type ValueSource = {
  /** taken to the byte */
  readonly file?: string | undefined
  readonly stdin: NodeJS.ReadStream
  /** where the prompt is written */
  readonly stderr: Pick<NodeJS.WriteStream, 'write'>
  /** said of an empty value */
  readonly advice?: string
}

/** Ctrl-C at the prompt. */
export const givenUp = new Error('no value was given')

/**
 * Of standard input and of the prompt the last line break is no part of the value.
 * @throws LongshoreError usage (empty), file-unreadable; `givenUp`. None carries a value
 */
export const readSecretValue = async ({ file, stdin, stderr, advice }: ValueSource): Promise<Uint8Array> => {
  const value = file === undefined ? await readStandardInput(stdin, stderr) : await readValueFile(file)
  if (value.byteLength > 0) return value
  const where = file ?? (stdin.isTTY ? 'the prompt' : 'standard input')
  const said = advice ?? 'longshore secret rm takes a secret away'
  throw new LongshoreError('usage', `${where} gave an empty value; ${said}`)
}

const readStandardInput = async (stdin: NodeJS.ReadStream, stderr: ValueSource['stderr']): Promise<Buffer> => {
  if (stdin.isTTY) return Buffer.from(await askHidden('Value (not shown): ', stdin, stderr))
  const value = await readAll(stdin)
  const breakBytes = value.at(-1) !== 0x0a ? 0 : value.at(-2) === 0x0d ? 2 : 1
  return value.subarray(0, value.byteLength - breakBytes)
}

const readValueFile = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file)
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })

/** readline edits the line and turns the terminal's own echo off; what it would show goes nowhere. */
const askHidden = async (
  question: string,
  stdin: NodeJS.ReadStream,
  stderr: ValueSource['stderr'],
): Promise<string> => {
  const lines = createInterface({ input: stdin, output: nowhere(), terminal: true, historySize: 0 })
  stderr.write(question)
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('SIGINT', () => reject(givenUp))
      lines.once('close', () => resolve(''))
    })
  } finally {
    lines.close()
    stderr.write('\n')
  }
}
