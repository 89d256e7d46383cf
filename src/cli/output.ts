/** What the command prints: tables and lines for people, one JSON object for programs. Results go to stdout, the rest to stderr. */
import { styleText } from 'node:util'
import { FilesError } from '../project/files-error.ts'
import { printable } from '../project/printable.ts'
import { type Code, explain } from '../protocol/codes.ts'
import { LongshoreError, type Place, reasonOf } from '../protocol/reason.ts'
import { ComposeError } from './compose-error.ts'

type Style = Parameters<typeof styleText>[0]

/** https://no-color.org: any value that is not empty turns colour off. */
const hasColour = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'

export const paint = (style: Style, text: string): string => (hasColour(process.stdout) ? styleText(style, text) : text)

export const say = (line: string): void => {
  process.stdout.write(`${forTerminal(line)}\n`)
}

export const sayJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Words of devices and containers are text, whatever is in them: beside colours nothing that a terminal obeys gets through. */
export const forTerminal = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
    .split(/(\u001b\[[0-9;]*m|[\n\t])/)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('')

let announce = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** For what is not the result: notes, warnings, waiting. */
export const remark = (line: string): void => announce(forTerminal(line))

/** While something is redrawn in place, remarks go through it, or they would tear it. Returns the way back. */
export const routeRemarks = (through: (line: string) => void): (() => void) => {
  const before = announce
  announce = through
  return () => {
    announce = before
  }
}

/** Cut to a width; colour does not count, and does not leak out of what was cut. */
export const cut = (text: string, width: number): string => {
  if (visible(text) <= width) return text
  let left = Math.max(0, width - 1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  const parts = text.split(/(\u001b\[[0-9;]*m)/)
  const kept = parts.map((part, index) => {
    if (index % 2 === 1) return part
    const piece = part.slice(0, left)
    left -= piece.length
    return piece
  })
  return `${kept.join('')}…`
}

/** Columns as wide as their widest cell; colour does not count. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = header.map((title, column) =>
    Math.max(visible(title), ...rows.map((row) => visible(row[column] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [paint('bold', line(header)), ...rows.map(line)].join('\n')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
const visible = (text: string): number => text.replace(/\u001b\[[0-9;]*m/g, '').length

/** Filled up to a width; colour does not count. */
export const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - visible(text)))

/** Exit codes, as docs/cli.md has them. */
export const exitCode = { done: 0, failed: 1, usage: 2, noAnswer: 3, interrupted: 130 } as const

let leave = (): void => process.exit(exitCode.done)

/** Nobody reads any more what is printed (`longshore logs … | head`), which is no fault: it ends. */
export const readerGone = (): void => leave()

/** Where somebody has to be told before the end. Returns the way back. */
export const onReaderGone = (end: () => void): (() => void) => {
  const before = leave
  leave = end
  return () => {
    leave = before
  }
}

const usageCodes: ReadonlySet<string> = new Set([
  'usage',
  'config-invalid',
  'file-unreadable',
  'file-outside',
  'file-unsuitable',
  'file-unwritable',
  'bundle-invalid',
  'release-mismatch',
  'files-too-large',
  'yaml-invalid',
  'key-unknown',
  'key-unsupported',
  'value-invalid',
  'variable-undefined',
  'variable-invalid',
  'reference-missing',
  'reference-circle',
  'include-conflict',
  'dependency-cycle',
  'port-duplicate',
  'name-duplicate',
  'image-invalid',
  'payload-too-large',
  'secret-too-large',
])

export const exitCodeOf = (code: string): number => {
  if (usageCodes.has(code)) return exitCode.usage
  return ['no-answer', 'broker-unreachable', 'agent-unreachable'].includes(code) ? exitCode.noAnswer : exitCode.failed
}

/** Prints an error with its place and its remedy, and returns the exit code that it stands for. */
export const showError = (error: unknown, json: boolean): number => {
  if (error instanceof ComposeError || error instanceof FilesError) return showFaults(error, json)
  const reason = reasonOf(error)
  const place = error instanceof LongshoreError ? error.place : undefined
  if (json) process.stderr.write(`${JSON.stringify({ error: { ...reason, ...(place && { place }) } })}\n`)
  else {
    remark(`${paintError('error')}: ${place === undefined ? '' : `${placeText(place)}: `}${reason.message}`)
    remark(`  ${explain(reason.code).remedy} [${reason.code}]`)
    if (reason.code === 'internal-error' && error instanceof Error) remark(error.stack ?? '')
  }
  return exitCodeOf(reason.code)
}

type Fault = {
  readonly code: Code
  readonly message: string
  readonly remedy?: string
  readonly place?: Place
  /** where the Compose file names it, when line and column are not known */
  readonly at?: string
}

const showFaults = (error: { code: Code; message: string; faults: readonly Fault[] }, json: boolean): number => {
  if (json)
    process.stderr.write(
      `${JSON.stringify({ error: { code: error.code, message: error.message, faults: error.faults } })}\n`,
    )
  else {
    for (const { code, message, place, at, remedy } of error.faults) {
      const where = place === undefined ? at : placeText(place)
      remark(`${paintError('error')}: ${where ? `${where}: ` : ''}${message}`)
      remark(`  ${remedy ?? explain(code).remedy} [${code}]`)
    }
  }
  return exitCode.usage
}

const placeText = ({ file, line, column }: Place): string =>
  [file, line, column].filter((part) => part !== undefined).join(':')

const paintError = (text: string): string => (hasColour(process.stderr) ? styleText('red', text) : text)
