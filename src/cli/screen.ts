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
  const close = (): void => {
    if (isClosed) return
    isClosed = true
    stream.off('resize', paint)
    process.off('exit', close)
    stream.write(`${csi}?25h${csi}?1049l`)
  }
  stream.on('resize', paint)
  // However the process ends: nobody finds the way back from a screen without a cursor.
  process.once('exit', close)
  return {
    draw: (text) => {
      last = text
      if (!isClosed) paint()
    },
    close,
  }
}

/** Pure. */
export const fitting = (lines: readonly string[], columns: number, rows: number): string[] => {
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`]
  return shown.map((line) => cut(line, columns))
}

export type Quit = { readonly asked: Promise<void>; readonly end: () => void; readonly restoreKeys: () => void }

/** A signal asks for the end, and on a terminal q and Ctrl-C where keys are `read`; so does `end`. */
export const listenForQuit = (keys: 'read' | 'left'): Quit => {
  let end: () => void = () => undefined
  const asked = new Promise<void>((resolve) => {
    end = resolve
  })
  process.once('SIGINT', end).once('SIGTERM', end).once('SIGHUP', end)
  return { asked, end, restoreKeys: keys === 'read' ? onQuitKey(end) : () => undefined }
}

const onQuitKey = (end: () => void): (() => void) => {
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
