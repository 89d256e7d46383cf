/** How a broker is, as lines for a terminal. Pure but for colour. */
import type { BridgeReport, BrokerStatus } from '../protocol/broker-status.ts'
import { agoText } from './describe-app.ts'
import { amountText } from './describe-bytes.ts'
import { paint } from './output.ts'

export const brokerStatusText = (status: BrokerStatus, nowMs: number): string => {
  const { clients, retained, queued, traffic, store, bridge, lastRefusals } = status
  const lines = [
    ['broker', `longshore ${status.version}, up for ${agoText(status.startedAt, nowMs)}`],
    ...status.listeners.map((listener, index) => [index === 0 ? 'listens' : '', listener]),
    [
      'clients',
      `${clients.connected} connected, ${clients.total - clients.connected} away, ${status.subscriptions} subscriptions`,
    ],
    ['retained', `${retained.count} messages, ${amountText(retained.bytes)}`],
    ['queued', `${queued.count} messages, ${amountText(queued.bytes)}${countsText(', dropped', status.dropped)}`],
    [
      'store',
      store === undefined ? 'none: nothing outlasts a restart' : `${amountText(store.bytes)} in ${store.folder}`,
    ],
    ...(status.fault === undefined ? [] : [['', paint('red', status.fault)]]),
    [
      'traffic',
      `${traffic.publishesReceived} messages in, ${traffic.publishesSent} out; ${amountText(traffic.bytesReceived)} in, ${amountText(traffic.bytesSent)} out`,
    ],
    ['refused', countsText('', status.refused) || 'nothing'],
    ...lastRefusals.slice(-5).map(({ at, message }) => ['', `${agoText(at, nowMs)} ago: ${message}`]),
    ...(bridge === undefined ? [] : bridgeLines(bridge)),
  ]
  return lines.map(([name = '', text = '']) => `${name.padEnd(10)}${text}`).join('\n')
}

const bridgeLines = (bridge: BridgeReport): string[][] => {
  const { site, url, state, reason, stateDue, queued, isDrained, sentUp, cameDown } = bridge
  const waiting = Object.values(queued).reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0)
  const dropped = Object.entries(queued).flatMap(([name, { dropped: of }]) =>
    Object.entries(of).map(([why, count]) => [`${name} ${why}`, count] as const),
  )
  return [
    ['bridge', `${site} to ${url}, ${state === 'up' ? paint('green', 'up') : paint('red', state)}`],
    ...(reason === undefined ? [] : [['', `${reason.code}: ${reason.message}`]]),
    ['', `${sentUp} messages went up, ${cameDown} came down${countsText(', dropped', Object.fromEntries(dropped))}`],
    ['', isDrained && stateDue === 0 ? 'nothing waits' : `${amountText(waiting)} on disk and ${stateDue} topics wait`],
  ]
}

/** Empty where there are none. */
const countsText = (before: string, counts: Readonly<Record<string, number | undefined>>): string => {
  const texts = Object.entries(counts).flatMap(([name, count]) => (count ? [`${name} ${count}`] : []))
  return texts.length === 0 ? '' : `${before}${before === '' ? '' : ': '}${texts.join(', ')}`
}
