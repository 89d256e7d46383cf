/** Progress of a wait: redrawn in place on a terminal, plain lines in a pipe, one JSON line an event for programs. */
import type { WaitEvent } from '../fleet/wait.ts'
import { printable } from '../project/printable.ts'
import type { Reported } from '../protocol/reported.ts'
import { phaseText, servicesText } from './describe-app.ts'
import { cut, routeRemarks, sayJson } from './output.ts'

export type Live = { readonly show: (event: WaitEvent) => void; readonly end: () => void }

export const createLive = (
  devices: readonly string[],
  mode: { readonly json: boolean; readonly stream: NodeJS.WriteStream },
): Live => {
  if (mode.json)
    return { show: (event) => sayJson({ event: event.kind, ...event, kind: undefined }), end: () => undefined }
  return mode.stream.isTTY === true ? redrawn(devices, mode.stream) : plain(mode.stream)
}

const plain = (stream: NodeJS.WriteStream): Live => {
  const last = new Map<string, string>()
  return {
    show: (event) => {
      const line = lineOf(event)
      if (line === undefined || last.get(event.device) === line) return
      last.set(event.device, line)
      stream.write(`${event.device}  ${line}\n`)
    },
    end: () => undefined,
  }
}

const redrawn = (devices: readonly string[], stream: NodeJS.WriteStream): Live => {
  const lines = new Map(devices.map((device) => [device, 'sent']))
  const width = Math.max(...devices.map(({ length }) => length))
  let drawn = 0
  const draw = (): void => {
    // Up to the first of our lines, each cleared before it is written: nothing else on the screen moves.
    const up = drawn > 0 ? `\u001b[${drawn}A` : ''
    // A line that wraps would be two lines to the terminal, and one to the way up.
    const columns = stream.columns || 120
    const text = [...lines].map(([device, line]) => `\u001b[2K${cut(`${device.padEnd(width)}  ${line}`, columns)}`)
    stream.write(`${up}${text.join('\n')}\n`)
    drawn = lines.size
  }
  draw()
  const restoreRemarks = routeRemarks((line) => {
    stream.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}\u001b[J${line}\n`)
    drawn = 0
    draw()
  })
  return {
    show: (event) => {
      const line = lineOf(event)
      if (line === undefined) return
      lines.set(event.device, line)
      draw()
    },
    end: restoreRemarks,
  }
}

export const lineOf = (event: WaitEvent): string | undefined => {
  switch (event.kind) {
    case 'reported':
      return reportedLine(event.reported)
    case 'progress': {
      const pulls = event.progress.pulls.map(
        ({ image, currentBytes, totalBytes }) => `${image} ${megabytes(currentBytes)} of ${megabytes(totalBytes)}`,
      )
      return pulls.length === 0 ? undefined : `pulling  ${pulls.join(', ')}`
    }
    case 'status':
      return event.status.online ? undefined : 'offline; the deployment stays on the broker until it is back'
  }
}

const reportedLine = (reported: Reported): string => {
  const why =
    reported.waitingFor?.map(({ message }) => message).join('; ') ??
    reported.reason?.message ??
    reported.refused?.reason.message
  return [
    phaseText(reported.phase ?? 'refused'),
    servicesText(reported),
    ...(why === undefined ? [] : [printable(why)]),
  ].join('  ')
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
