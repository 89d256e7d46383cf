/**
 * Every metric of telemetry, and what it is called in Prometheus: as node_exporter and cAdvisor call it where they have the
 * same thing, else `longshore_…`. docs/monitoring-metrics.md has these tables. Pure.
 */
import type { Family } from './family.ts'

export type Conversion = 'none' | 'percent to ratio' | 'ms to seconds' | 'uptime to boot time'

export type TelemetryFamily = Family & {
  readonly conversion: Conversion
  /** the label that holds what stands for `*` in the name of the metric */
  readonly label?: string
  /** the report of the app has it, retained: telemetry is not asked */
  readonly isReported?: true
}

const gauge = (name: string, help: string, conversion: Conversion = 'none', label?: string): TelemetryFamily => ({
  name,
  type: 'gauge',
  help,
  conversion,
  ...(label === undefined ? {} : { label }),
})

const counter = (name: string, help: string, conversion: Conversion = 'none', label?: string): TelemetryFamily => ({
  ...gauge(name, help, conversion, label),
  type: 'counter',
})

/** By the names of agent/telemetry/metrics.ts. */
export const hostFamilies: Readonly<Record<string, TelemetryFamily>> = {
  cpuPercent: gauge('longshore_host_cpu_busy_ratio', 'Share of the time of all processors in use.', 'percent to ratio'),
  cpuIoWaitPercent: gauge(
    'longshore_host_cpu_iowait_ratio',
    'Share of the time of all processors spent waiting for a disk.',
    'percent to ratio',
  ),
  cpuStealPercent: gauge(
    'longshore_host_cpu_steal_ratio',
    'Share of the time of all processors taken by the hypervisor.',
    'percent to ratio',
  ),
  load1: gauge('node_load1', 'Runnable processes, mean of 1 minute.'),
  load5: gauge('node_load5', 'Runnable processes, mean of 5 minutes.'),
  load15: gauge('node_load15', 'Runnable processes, mean of 15 minutes.'),
  cpuPressurePercent: gauge(
    'longshore_host_cpu_pressure_ratio',
    'Share of the last minute in which something waited for a processor.',
    'percent to ratio',
  ),
  memoryPressurePercent: gauge(
    'longshore_host_memory_pressure_ratio',
    'Share of the last minute in which something waited for memory.',
    'percent to ratio',
  ),
  ioPressurePercent: gauge(
    'longshore_host_io_pressure_ratio',
    'Share of the last minute in which something waited for a disk.',
    'percent to ratio',
  ),
  memoryAvailableBytes: gauge('node_memory_MemAvailable_bytes', 'Memory that can be had without swapping.'),
  memoryUsedBytes: gauge('longshore_host_memory_used_bytes', 'Memory without what is available.'),
  swapUsedBytes: gauge('longshore_host_swap_used_bytes', 'Memory swapped out.'),
  uptimeSeconds: gauge(
    'node_boot_time_seconds',
    'When the machine started, in Unix time by its own clock.',
    'uptime to boot time',
  ),
  'disk.*.freeBytes': gauge(
    'node_filesystem_avail_bytes',
    'Free for everybody, of the file system mounted there.',
    'none',
    'mountpoint',
  ),
  'disk.*.usedBytes': gauge(
    'longshore_host_filesystem_used_bytes',
    'Taken, of the file system mounted there.',
    'none',
    'mountpoint',
  ),
  'disk.*.freeInodes': gauge('node_filesystem_files_free', 'Files that can yet be made.', 'none', 'mountpoint'),
  'disk.*.inodes': gauge(
    'node_filesystem_files',
    'Files that it can hold in all; 0: no such limit.',
    'none',
    'mountpoint',
  ),
  'block.*.readBytes': counter('node_disk_read_bytes_total', 'Read from the disk.', 'none', 'device'),
  'block.*.writtenBytes': counter('node_disk_written_bytes_total', 'Written to the disk.', 'none', 'device'),
  'block.*.busyMs': counter(
    'node_disk_io_time_seconds_total',
    'Time in which the disk had something to do.',
    'ms to seconds',
    'device',
  ),
  'network.*.receivedBytes': counter(
    'node_network_receive_bytes_total',
    'Received on the interface.',
    'none',
    'device',
  ),
  'network.*.sentBytes': counter('node_network_transmit_bytes_total', 'Sent on the interface.', 'none', 'device'),
  'network.*.errors': counter(
    'longshore_host_network_errors_total',
    'Faulty and dropped packets of the interface, both ways.',
    'none',
    'device',
  ),
  'temperature.*.celsius': gauge('node_thermal_zone_temp', 'Temperature of the sensor in Celsius.', 'none', 'type'),
  isThrottled: gauge('longshore_host_throttled', '1: a Raspberry Pi runs slower, for its supply or its heat.'),
  'gpu.*.usePercent': gauge(
    'longshore_host_gpu_busy_ratio',
    'Share of the time in which the GPU had work.',
    'percent to ratio',
    'gpu',
  ),
  'gpu.*.memoryUsedBytes': gauge('longshore_host_gpu_memory_used_bytes', 'Used of its own memory.', 'none', 'gpu'),
  'gpu.*.celsius': gauge('longshore_host_gpu_temperature_celsius', 'Temperature of the GPU.', 'none', 'gpu'),
  'gpu.*.watts': gauge('longshore_host_gpu_power_watts', 'What the GPU draws.', 'none', 'gpu'),
  'flash.*.wearPercent': gauge(
    'longshore_host_flash_wear_ratio',
    'Share of its life used up, by what an eMMC says of itself.',
    'percent to ratio',
    'device',
  ),
  agentResidentBytes: gauge('longshore_agent_resident_memory_bytes', 'Memory of the agent.'),
  agentLoopDelayMs: gauge(
    'longshore_agent_event_loop_delay_seconds',
    'Longest time that the agent was held up between two samples.',
    'ms to seconds',
  ),
}

export const serviceRestarts: TelemetryFamily = {
  ...counter('longshore_service_restarts_total', 'Restarts of its containers by the engine.', 'none', 'service'),
  isReported: true,
}

export const serviceHealthy: TelemetryFamily = {
  ...gauge('longshore_service_healthy', 'What the healthcheck says; absent: there is none.', 'none', 'service'),
  isReported: true,
}

/** Of a service, with all its containers together. */
export const appFamilies: Readonly<Record<string, TelemetryFamily>> = {
  '*.containers': gauge('longshore_service_containers', 'Containers that run.', 'none', 'service'),
  '*.cpuPercent': gauge(
    'longshore_service_cpu_busy_ratio',
    'Processors in use; 1 is a whole one.',
    'percent to ratio',
    'service',
  ),
  '*.cpuMs': counter('container_cpu_usage_seconds_total', 'Time of processors.', 'ms to seconds', 'service'),
  '*.throttledMs': counter(
    'container_cpu_cfs_throttled_seconds_total',
    'Time in which it was held back by its limit of processors.',
    'ms to seconds',
    'service',
  ),
  '*.memoryBytes': gauge(
    'container_memory_working_set_bytes',
    'Memory without files that can be dropped at once.',
    'none',
    'service',
  ),
  '*.memoryLimitBytes': gauge('container_spec_memory_limit_bytes', 'Memory that it may have.', 'none', 'service'),
  '*.outOfMemoryKills': counter('container_oom_events_total', 'Processes killed for their memory.', 'none', 'service'),
  '*.pids': gauge('container_threads', 'Processes and threads.', 'none', 'service'),
  '*.receivedBytes': counter(
    'container_network_receive_bytes_total',
    'Received on networks of its own.',
    'none',
    'service',
  ),
  '*.sentBytes': counter('container_network_transmit_bytes_total', 'Sent on networks of its own.', 'none', 'service'),
  '*.readBytes': counter('container_fs_reads_bytes_total', 'Read from disks.', 'none', 'service'),
  '*.writtenBytes': counter('container_fs_writes_bytes_total', 'Written to disks.', 'none', 'service'),
  '*.restarts': serviceRestarts,
  '*.isHealthy': serviceHealthy,
  '*.imageBytes': gauge('longshore_service_image_bytes', 'Its image with all layers.', 'none', 'service'),
}

/** @param at epoch ms when it was read, by the clock of the device */
export const converted = (value: number, conversion: Conversion, at: number): number => {
  switch (conversion) {
    case 'none':
      return value
    case 'percent to ratio':
      return value / 100
    case 'ms to seconds':
      return value / 1_000
    case 'uptime to boot time':
      return Math.round(at / 1_000 - value)
  }
}

export type Found = { readonly family: TelemetryFamily /** what stands for `*` */; readonly instance: string }

/** The part between the first and the last dot is free, as of a mount point. */
export const hostFamilyOf = (metric: string): Found | undefined => {
  const [first, last] = [metric.indexOf('.'), metric.lastIndexOf('.')]
  return first === last
    ? found(hostFamilies, metric, '')
    : found(hostFamilies, `${metric.slice(0, first)}.*${metric.slice(last)}`, metric.slice(first + 1, last))
}

export const appFamilyOf = (metric: string): Found | undefined => {
  const last = metric.lastIndexOf('.')
  return last <= 0 ? undefined : found(appFamilies, `*${metric.slice(last)}`, metric.slice(0, last))
}

const found = (
  families: Readonly<Record<string, TelemetryFamily>>,
  pattern: string,
  instance: string,
): Found | undefined => {
  // Names come from devices: `constructor` is none of ours.
  const family = Object.hasOwn(families, pattern) ? families[pattern] : undefined
  return family === undefined ? undefined : { family, instance }
}
