/**
 * Every metric that telemetry may hold: what its name means, its unit, and by how much it must move to be told
 * before its time. docs/telemetry.md has these tables. Pure.
 */

export type Metric = {
  /** counter: since the machine started, or since the interface came; it starts anew after that */
  readonly kind: 'gauge' | 'counter'
  readonly unit: 'percent' | 'bytes' | 'count' | 'seconds' | 'ms' | 'celsius' | 'watts' | 'load' | 'yes'
  readonly text: string
  /** of a gauge, in its unit: less is told with the next full report; undefined: never a reason to tell */
  readonly band?: number
  /** the same as a share of the value that was told last, where that is more */
  readonly bandShare?: number
}

/** Names with a `*` hold the name of a disk, an interface or a sensor between dots. */
export const hostMetrics: Readonly<Record<string, Metric>> = {
  cpuPercent: {
    kind: 'gauge',
    unit: 'percent',
    band: 20,
    text: 'of all processors together, not idle and not waiting for I/O',
  },
  cpuIoWaitPercent: { kind: 'gauge', unit: 'percent', band: 20, text: 'idle while a disk is waited for' },
  cpuStealPercent: { kind: 'gauge', unit: 'percent', band: 20, text: 'taken by the hypervisor' },
  load1: { kind: 'gauge', unit: 'load', text: 'runnable processes, mean of 1 minute' },
  load5: { kind: 'gauge', unit: 'load', text: 'mean of 5 minutes' },
  load15: { kind: 'gauge', unit: 'load', text: 'mean of 15 minutes' },
  cpuPressurePercent: {
    kind: 'gauge',
    unit: 'percent',
    band: 20,
    text: 'of the last minute in which something waited for a processor (PSI, some)',
  },
  memoryPressurePercent: {
    kind: 'gauge',
    unit: 'percent',
    band: 10,
    text: 'of the last minute in which something waited for memory',
  },
  ioPressurePercent: {
    kind: 'gauge',
    unit: 'percent',
    band: 20,
    text: 'of the last minute in which something waited for a disk',
  },
  memoryAvailableBytes: {
    kind: 'gauge',
    unit: 'bytes',
    band: 64 * 1024 * 1024,
    bandShare: 0.2,
    text: 'can be had without swapping',
  },
  memoryUsedBytes: { kind: 'gauge', unit: 'bytes', text: 'all but what is available' },
  swapUsedBytes: { kind: 'gauge', unit: 'bytes', band: 64 * 1024 * 1024, bandShare: 0.2, text: 'swapped out' },
  uptimeSeconds: { kind: 'counter', unit: 'seconds', text: 'since the machine started' },
  'disk.*.freeBytes': {
    kind: 'gauge',
    unit: 'bytes',
    band: 256 * 1024 * 1024,
    bandShare: 0.1,
    text: 'for everybody, of the file system mounted there',
  },
  'disk.*.usedBytes': { kind: 'gauge', unit: 'bytes', text: 'taken, of the file system mounted there' },
  'disk.*.freeInodes': {
    kind: 'gauge',
    unit: 'count',
    band: 10_000,
    bandShare: 0.2,
    text: 'files that can yet be made',
  },
  'disk.*.inodes': { kind: 'gauge', unit: 'count', text: 'files that it can hold in all; 0: no such limit' },
  'block.*.readBytes': { kind: 'counter', unit: 'bytes', text: 'read from the device' },
  'block.*.writtenBytes': { kind: 'counter', unit: 'bytes', text: 'written to the device' },
  'block.*.busyMs': { kind: 'counter', unit: 'ms', text: 'in which it had something to do' },
  'network.*.receivedBytes': { kind: 'counter', unit: 'bytes', text: 'received on the interface' },
  'network.*.sentBytes': { kind: 'counter', unit: 'bytes', text: 'sent on the interface' },
  'network.*.errors': { kind: 'counter', unit: 'count', text: 'faulty and dropped packets, both ways' },
  'temperature.*.celsius': { kind: 'gauge', unit: 'celsius', band: 10, text: 'of the sensor' },
  isThrottled: {
    kind: 'gauge',
    unit: 'yes',
    band: 1,
    text: '1: a Raspberry Pi runs slower, for its supply or its heat',
  },
  'gpu.*.usePercent': { kind: 'gauge', unit: 'percent', band: 20, text: 'of the time in which the GPU had work' },
  'gpu.*.memoryUsedBytes': {
    kind: 'gauge',
    unit: 'bytes',
    band: 256 * 1024 * 1024,
    bandShare: 0.2,
    text: 'of its own memory',
  },
  'gpu.*.celsius': { kind: 'gauge', unit: 'celsius', band: 10, text: 'of the GPU' },
  'gpu.*.watts': { kind: 'gauge', unit: 'watts', band: 20, bandShare: 0.2, text: 'that it draws' },
  'flash.*.wearPercent': {
    kind: 'gauge',
    unit: 'percent',
    band: 10,
    text: 'of its life used up, by what an eMMC says of itself',
  },
  agentResidentBytes: {
    kind: 'gauge',
    unit: 'bytes',
    band: 32 * 1024 * 1024,
    bandShare: 0.3,
    text: 'memory of the agent',
  },
  agentLoopDelayMs: {
    kind: 'gauge',
    unit: 'ms',
    band: 250,
    text: 'longest time that the agent was held up since the sample before',
  },
}

/** Of a service, with all its containers together; `*` is its name. */
export const appMetrics: Readonly<Record<string, Metric>> = {
  '*.containers': { kind: 'gauge', unit: 'count', band: 1, text: 'that run, paused ones among them' },
  '*.cpuPercent': { kind: 'gauge', unit: 'percent', band: 20, text: 'of one processor, as `docker stats` has it' },
  '*.cpuMs': { kind: 'counter', unit: 'ms', text: 'of processors' },
  '*.throttledMs': { kind: 'counter', unit: 'ms', text: 'in which it was held back by its limit of processors' },
  '*.memoryBytes': {
    kind: 'gauge',
    unit: 'bytes',
    band: 32 * 1024 * 1024,
    bandShare: 0.2,
    text: 'without files that can be dropped at once, as `docker stats` has it',
  },
  '*.memoryLimitBytes': { kind: 'gauge', unit: 'bytes', band: 1, text: 'it may have; absent: all there is' },
  '*.outOfMemoryKills': { kind: 'counter', unit: 'count', band: 1, text: 'processes killed for their memory' },
  '*.pids': { kind: 'gauge', unit: 'count', band: 50, bandShare: 0.5, text: 'processes and threads' },
  '*.receivedBytes': { kind: 'counter', unit: 'bytes', text: 'received on networks of its own; not with the host’s' },
  '*.sentBytes': { kind: 'counter', unit: 'bytes', text: 'sent on networks of its own' },
  '*.readBytes': { kind: 'counter', unit: 'bytes', text: 'read from disks' },
  '*.writtenBytes': { kind: 'counter', unit: 'bytes', text: 'written to disks' },
  '*.restarts': { kind: 'counter', unit: 'count', band: 1, text: 'of its containers, by the engine' },
  '*.isHealthy': {
    kind: 'gauge',
    unit: 'yes',
    band: 1,
    text: '0: a healthcheck fails; absent: it has none, or starts',
  },
  '*.imageBytes': { kind: 'gauge', unit: 'bytes', text: 'its image with all layers, which others may share' },
}

/** The entry of the table for the name of a metric: the part between the first and the last dot is free. */
export const hostMetricOf = (name: string): Metric | undefined =>
  hostMetrics[name] ?? hostMetrics[name.replace(/^([^.]+)\..*\.([^.]+)$/, '$1.*.$2')]

/** The same of an app: services may have dots in their names. */
export const appMetricOf = (name: string): Metric | undefined => appMetrics[name.replace(/^.*\.([^.]+)$/, '*.$1')]
