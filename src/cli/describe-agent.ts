/** How a device is, as lines for a terminal. Pure but for colour. */
import type { Health } from '../protocol/health.ts'
import type { AgentStatus } from '../protocol/local.ts'
import { agoText, phaseText } from './describe-app.ts'
import { amountText } from './describe-bytes.ts'
import { paint, table } from './output.ts'

const verdictStyles = { ok: 'green', degraded: 'yellow', failing: 'red' } as const

export const verdictText = ({ verdict }: Pick<Health, 'verdict'>): string => paint(verdictStyles[verdict], verdict)

export const agentStatusText = (status: AgentStatus, nowMs: number): string => {
  const { device, agent, startedAt, health, link, engine, apps, outbox, host } = status
  const since = link.since === undefined ? '' : ` for ${agoText(link.since, nowMs)}`
  const waiting = Object.values(outbox)
  const dropped = waiting.reduce((sum, one) => sum + one.dropped, 0)
  const lines = [
    ['device', `${device}, agent ${agent}, up for ${agoText(startedAt, nowMs)}`],
    ['health', `${verdictText(health)} for ${agoText(health.since, nowMs)}`],
    ...health.reasons.map(({ severity, code, message }) => ['', `${paint(verdictStyles[severity], code)}: ${message}`]),
    [
      'broker',
      link.isConnected
        ? `${link.broker}, connected${since}`
        : `${link.broker}, ${paint('red', 'not in reach')}${since}${link.reason === undefined ? '' : `: ${link.reason.message}`}`,
    ],
    ['engine', engine.isThere ? 'answers' : paint('red', 'does not answer')],
    [
      'outbox',
      `${amountText(waiting.reduce((sum, one) => sum + one.bytesOnDisk, 0))} on the disk${dropped === 0 ? '' : `, ${dropped} messages dropped`}`,
    ],
    ['host', hostText(host)],
  ]
  const facts = lines.map(([name = '', text = '']) => `${name.padEnd(8)}${text}`).join('\n')
  if (apps.length === 0) return facts
  const rows = apps.map(({ app, phase, services, reason, waitingFor }) => {
    const all = Object.values(services)
    const running = all.filter(({ state, health: of }) => state === 'running' && of !== 'unhealthy').length
    return [
      app,
      phaseText(phase ?? 'refused'),
      `${running}/${all.length}`,
      waitingFor?.[0]?.message ?? reason?.message ?? '',
    ]
  })
  return `${facts}\n\n${table(['APP', 'PHASE', 'RUNNING', 'REASON'], rows)}`
}

const hostText = (host: AgentStatus['host']): string => {
  const { cpuPercent, load1, memoryUsedBytes, memoryAvailableBytes } = host
  const disks = Object.entries(host).flatMap(([name, free]) => {
    const [, mount] = /^disk\.(.*)\.freeBytes$/.exec(name) ?? []
    return mount === undefined ? [] : [`${mount} ${amountText(free)} free`]
  })
  const memory =
    memoryUsedBytes === undefined || memoryAvailableBytes === undefined
      ? []
      : [`memory ${amountText(memoryUsedBytes)} of ${amountText(memoryUsedBytes + memoryAvailableBytes)}`]
  const texts = [
    ...(cpuPercent === undefined ? [] : [`cpu ${cpuPercent} %`]),
    ...(load1 === undefined ? [] : [`load ${load1}`]),
    ...memory,
    ...disks,
  ]
  return texts.length === 0 ? 'not read yet' : texts.join(', ')
}
