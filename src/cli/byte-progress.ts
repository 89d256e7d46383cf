/** How far something with many bytes is: one line on a terminal, drawn again; a line now and then in a pipe. */

export type ByteProgress = {
  readonly show: (doing: string, currentBytes?: number, totalBytes?: number) => void
  readonly end: () => void
}

/** As often as anybody reads; the first and the last of a kind are always shown. */
const terminalEveryMs = 100
const pipeEveryMs = 5_000

export const byteProgress = (stream: NodeJS.WriteStream, nowMs: () => number): ByteProgress => {
  const isTerminal = stream.isTTY === true
  let [lastDoing, lastMs, isOpen] = ['', 0, false]
  const end = (): void => {
    if (isOpen) stream.write('\n')
    isOpen = false
  }
  return {
    show: (doing, currentBytes, totalBytes) => {
      const isNew = doing !== lastDoing
      const isLast = currentBytes !== undefined && currentBytes === totalBytes
      if (!isNew && !isLast && nowMs() - lastMs < (isTerminal ? terminalEveryMs : pipeEveryMs)) return
      if (isNew) end()
      ;[lastDoing, lastMs] = [doing, nowMs()]
      const line = `${doing}${bytesText(currentBytes, totalBytes)}`
      if (isTerminal) {
        stream.write(`\r\u001b[2K${line}`)
        isOpen = true
      } else stream.write(`${line}\n`)
    },
    end,
  }
}

const bytesText = (currentBytes: number | undefined, totalBytes: number | undefined): string => {
  if (currentBytes === undefined) return ''
  return `  ${megabytes(currentBytes)}${totalBytes === undefined ? '' : ` of ${megabytes(totalBytes)}`}`
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
