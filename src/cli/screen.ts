/** A screen of its own on a terminal, drawn again in place; the one before is back when it is closed. */
import { cut } from './output.ts'

export type Screen = {
  /** Lines that do not fit are cut, and counted on the last one. */
  readonly draw: (text: string) => void
  readonly close: () => void
}

const csi = '\u001b['

export const openScreen = (stream: NodeJS.WriteStream): Screen => {
  let last = ''
  let isClosed = false
  stream.write(`${csi}?1049h${csi}?25l`)
  const paint = (): void => {
    // Each line is cleared behind its end, and the rest below: what stays the same does not flicker.
    const lines = fitting(last.split('\n'), stream.columns || 120, stream.rows || 40)
    stream.write(`${csi}H${lines.map((line) => `${line}${csi}K`).join('\r\n')}${csi}J`)
  }
  stream.on('resize', paint)
  return {
    draw: (text) => {
      last = text
      if (!isClosed) paint()
    },
    close: () => {
      if (isClosed) return
      isClosed = true
      stream.off('resize', paint)
      stream.write(`${csi}?25h${csi}?1049l`)
    },
  }
}

/** Pure. */
export const fitting = (lines: readonly string[], columns: number, rows: number): string[] => {
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`]
  return shown.map((line) => cut(line, columns))
}

/** q and Ctrl-C. Returns the way back. */
export const onQuit = (end: () => void): (() => void) => {
  const { stdin } = process
  if (!stdin.isTTY) return () => undefined
  const onKey = (key: Buffer): void => {
    if (['q', 'Q', '\u0003', '\u0004'].includes(key.toString())) end()
  }
  stdin.setRawMode(true)
  stdin.resume()
  stdin.on('data', onKey)
  return () => {
    stdin.off('data', onKey)
    stdin.setRawMode(false)
    stdin.pause()
  }
}
