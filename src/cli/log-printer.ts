/** Lines of a log as they are printed: behind the name of their container, as Compose does it, as they are, or as JSON. */
import type { LogEntry } from '../protocol/log.ts'
import { forTerminal } from './output.ts'

export type LogPrinter = {
  /** What is to be written for the entries of a chunk. */
  readonly print: (entries: readonly LogEntry[]) => Buffer
}

export type PrinterOptions = {
  readonly hasPrefix: boolean
  /** On a terminal containers may colour what they say, and nothing more. */
  readonly isTerminal: boolean
  readonly paint: (style: Colour, text: string) => string
}

export type Colour = (typeof colours)[number] | 'red'

const colours = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'cyanBright', 'yellowBright', 'greenBright'] as const

const newLine = 10

export const createLogPrinter = ({ hasPrefix, isTerminal, paint }: PrinterOptions): LogPrinter => {
  const colourOf = new Map<string, Colour>()
  let width = 0
  /** whose line is not at its end */
  let open: string | undefined

  const prefix = (source: string, stream: 'stdout' | 'stderr'): string => {
    const colour = colourOf.get(source) ?? (colours[colourOf.size % colours.length] as Colour)
    colourOf.set(source, colour)
    width = Math.max(width, source.length)
    return `${paint(colour, source.padEnd(width))}  ${paint(stream === 'stderr' ? 'red' : colour, '|')} `
  }

  const printOne = (source: string, stream: 'stdout' | 'stderr', bytes: Buffer): Buffer[] => {
    if (bytes.length === 0) return []
    const key = `${source} ${stream}`
    const goesOn = open === key
    const breaks = open !== undefined && !goesOn ? ['\n'] : []
    open = bytes.at(-1) === newLine ? undefined : key
    if (!hasPrefix && !isTerminal) return [...breaks.map((text) => Buffer.from(text)), bytes]
    if (!hasPrefix) return [Buffer.from(`${breaks.join('')}${forTerminal(bytes.toString('utf8'))}`)]
    const head = prefix(source, stream)
    if (isTerminal) {
      const lines = forTerminal(bytes.toString('utf8')).replace(/\n(?=.)/gs, `\n${head}`)
      return [Buffer.from(`${breaks.join('')}${goesOn ? '' : head}${lines}`)]
    }
    // As bytes, so that what is no text passes as it is.
    const parts: Buffer[] = [...breaks.map((text) => Buffer.from(text))]
    const headBytes = Buffer.from(head)
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(newLine, at) + 1 || bytes.length
      if (at > 0 || !goesOn) parts.push(headBytes)
      parts.push(bytes.subarray(at, end))
      at = end
    }
    return parts
  }

  return {
    print: (entries) =>
      Buffer.concat(
        entries.flatMap((entry) => ('fault' in entry ? [] : printOne(entry.source, entry.stream, bytesOf(entry)))),
      ),
  }
}

/** One object a line, of entries whose lines begin with their times. A piece of a line that goes on has `partial`. */
export const createJsonPrinter = (): LogPrinter => {
  const timeOfOpen = new Map<string, string>()
  return {
    print: (entries) => {
      const lines: string[] = []
      for (const entry of entries) {
        if ('fault' in entry) {
          lines.push(`${JSON.stringify({ source: entry.source, fault: entry.fault })}\n`)
          continue
        }
        const { source, stream } = entry
        const key = `${source} ${stream}`
        const bytes = bytesOf(entry)
        for (let at = 0; at < bytes.length; ) {
          const end = bytes.indexOf(newLine, at) + 1 || bytes.length
          const isWhole = bytes[end - 1] === newLine
          const begun = timeOfOpen.get(key)
          const space = begun === undefined ? bytes.indexOf(32, at) : at - 1
          const time = begun ?? bytes.toString('latin1', at, space)
          const said = bytes.subarray(space + 1, isWhole ? end - 1 : end)
          const line = said.toString('utf8')
          const content = Buffer.from(line).equals(said) ? { line } : { base64: said.toString('base64') }
          lines.push(
            `${JSON.stringify({ at: time, source, stream, ...content, ...(!isWhole && { partial: true }) })}\n`,
          )
          if (isWhole) timeOfOpen.delete(key)
          else timeOfOpen.set(key, time)
          at = end
        }
      }
      return Buffer.from(lines.join(''))
    },
  }
}

const bytesOf = ({ text, base64 }: { text?: string | undefined; base64?: string | undefined }): Buffer =>
  text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text)
