/** One service: a row for each key. To add a key: a row here, a row in keys.ts, a line in model.ts. */
import { type Authored, entryOf } from './authored.ts'
import type { Context, Reader } from './context.ts'
import type { Service } from './model.ts'
import {
  readAttachedConfigs,
  readAttachedSecrets,
  readServiceExtension,
  type ServiceExtension,
  secretEnvFilesOf,
} from './read-attached.ts'
import { readCommand } from './read-command.ts'
import { type DraftDeploy, readDeploy, readReplicas, withReplicasInOnePlace } from './read-deploy.ts'
import { readDeviceRule, readDevices, readGpus } from './read-devices.ts'
import { type EnvFileEntry, mergeEnvironment, readEnvFiles, readEnvironment } from './read-environment.ts'
import { readHealthcheck } from './read-healthcheck.ts'
import {
  readAddress,
  readExtraHosts,
  readGroup,
  readInOrder,
  readMacAddress,
  readPlatform,
  readSettings,
  readUserns,
} from './read-host.ts'
import { readLinks, readMode, readVolumesFrom } from './read-joins.ts'
import { readLabelFiles } from './read-labels.ts'
import {
  readAdjustment,
  readBlkio,
  readCpuSet,
  readMemorySwap,
  readMicroseconds,
  readShares,
  readUlimits,
} from './read-limits.ts'
import { readAttachments, readDependencies } from './read-networks.ts'
import { readExposed, readPorts } from './read-ports.ts'
import { ignored, orNothing, type Rows, readShape } from './read-shape.ts'
import { restartOf } from './read-update.ts'
import {
  readAsWritten,
  readBoolean,
  readCpus,
  readDuration,
  readEntries,
  readFilledText,
  readInteger,
  readLabels,
  readOneOf,
  readOneOrMore,
  readSet,
  readSize,
  readSizeLimit,
  readSwitch,
  readText,
  wrongType,
} from './read-values.ts'
import { readMounts, readTmpfs } from './read-volumes.ts'

/** What stands for an image whose fault is reported already, so that the other checks can still be made. */
const unknownImage = 'unknown'

export const readService: Reader<Service> = (node, context) => {
  const shape = readKeys(node, context)
  if (shape === undefined) return { image: unknownImage }
  const {
    environment,
    env_file,
    image,
    labels,
    label_file,
    restart,
    secrets,
    deploy: { restart_policy: policy, ...draftDeploy } = {},
    scale,
    'x-longshore': extension = {},
    ...rest
  } = shape as {
    environment?: Map<string, string | null>
    env_file?: EnvFileEntry[]
    image?: string
    labels?: Record<string, string>
    label_file?: Record<string, string>
    restart?: string
    secrets?: NonNullable<Service['secrets']>
    deploy?: DraftDeploy
    scale?: number
    'x-longshore'?: ServiceExtension
  }
  const merged = mergeEnvironment(environment ?? new Map(), env_file ?? [], node, context)
  if (image === undefined) faultImage(node, context)
  const allSecrets = [...(secrets ?? []), ...secretEnvFilesOf(extension, node, context)]
  const { secretEnvFiles: _, ...longshore } = extension
  const wantedRestart = restartOf(restart, policy, entryOf(node, 'restart')?.value ?? node, context)
  const allLabels = { ...label_file, ...labels }
  const deploy = withReplicasInOnePlace(draftDeploy, scale, node, context)
  return {
    ...rest,
    image: image ?? unknownImage,
    ...(wantedRestart === undefined ? {} : { restart: wantedRestart }),
    ...(merged === undefined ? {} : { environment: merged }),
    ...(Object.keys(allLabels).length === 0 ? {} : { labels: allLabels }),
    ...(deploy === undefined ? {} : { deploy: deploy as NonNullable<Service['deploy']> }),
    ...(allSecrets.length === 0 ? {} : { secrets: allSecrets }),
    ...(Object.keys(longshore).length === 0 ? {} : { 'x-longshore': longshore }),
  }
}

/** An image that was not read has its own fault. */
const faultImage = (node: Authored, context: Context): void => {
  if (entryOf(node, 'image') !== undefined) return
  const name = node.path.at(-1)
  const build = entryOf(node, 'build')
  if (build !== undefined) {
    const at = { path: build.value.path, place: build.keyPlace }
    context.fault(
      at,
      'key-unsupported',
      `service ${name} has build and no image: nothing is built here`,
      'build and push the image, then name it with image:',
    )
    return
  }
  context.fault(node, 'value-invalid', `service ${name} has no image`, 'write image: with the image to run')
}

const readRestart: Reader<string> = (node, context) => {
  // YAML 1.1 wrote `no` as a boolean, and so do people who write false.
  if (node.kind === 'scalar' && node.value === false) return 'no'
  const text = node.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined
  if (text !== undefined && /^(no|always|unless-stopped|on-failure(:\d{1,9})?)$/.test(text)) return text
  return wrongType(node, context, '"no", always, unless-stopped or on-failure[:N]')
}

const readCapability: Reader<string> = (node, context) => {
  const text = readText(node, context)
  if (text === undefined) return undefined
  const name = text.toUpperCase().replace(/^CAP_/, '')
  return /^[A-Z][A-Z0-9_]*$/.test(name) ? name : wrongType(node, context, 'a capability such as NET_ADMIN')
}

const readSecurityOption: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  return text === 'no-new-privileges' ? 'no-new-privileges:true' : text
}

const readContainerName: Reader<string> = (node, context) => {
  const text = readText(node, context)
  if (text === undefined || /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(text)) return text
  return wrongType(node, context, 'a container name: letters, digits, _ . and -, at least two of them')
}

const readPullPolicy: Reader<string> = (node, context) => {
  const text = node.kind === 'scalar' ? node.text : ''
  if (text === 'if_not_present') return 'missing'
  const wanted = 'always, missing or never'
  if (text === 'build') return wrongType(node, context, wanted, 'build and push the image, and write always or missing')
  if (/^(daily|weekly|refresh|every_.+)$/.test(text))
    return wrongType(
      node,
      context,
      wanted,
      'write always, which asks the registry at each deployment, and deploy by a timer',
    )
  return readOneOf('always', 'missing', 'never')(node, context)
}

const rows: Rows<'service'> = {
  image: readFilledText,
  command: readCommand,
  entrypoint: readCommand,
  environment: readEnvironment,
  env_file: readEnvFiles,
  ports: readPorts,
  expose: readSet(readExposed),
  volumes: readMounts,
  networks: readAttachments,
  network_mode: readMode('bridge', 'host', 'none'),
  depends_on: readDependencies,
  healthcheck: readHealthcheck,
  restart: readRestart,
  labels: readLabels,
  container_name: readContainerName,
  user: readAsWritten,
  working_dir: readFilledText,
  hostname: readFilledText,
  stop_signal: readAsWritten,
  stop_grace_period: readDuration,
  init: readBoolean,
  tty: readSwitch,
  stdin_open: readSwitch,
  read_only: readSwitch,
  tmpfs: readOneOrMore(readTmpfs),
  shm_size: readSize,
  annotations: readLabels,
  attach: ignored('is for docker compose up in a terminal and is ignored'),
  blkio_config: readBlkio,
  build: ignored('is not done here: the image is taken as it is in its registry'),
  cgroup: readOneOf('host', 'private'),
  cgroup_parent: readFilledText,
  cpu_period: readMicroseconds,
  cpu_quota: readMicroseconds,
  cpu_rt_period: readMicroseconds,
  cpu_rt_runtime: readMicroseconds,
  cpu_shares: readShares,
  cpuset: readCpuSet,
  develop: ignored('is for docker compose watch and is ignored'),
  device_cgroup_rules: readSet(readDeviceRule),
  devices: readDevices,
  dns: readInOrder(readAddress),
  dns_opt: readInOrder(readFilledText),
  dns_search: readInOrder(readFilledText),
  domainname: readFilledText,
  extra_hosts: readExtraHosts,
  gpus: readGpus,
  group_add: readSet(readGroup),
  ipc: readMode('none', 'private', 'host', 'shareable'),
  label_file: readLabelFiles,
  links: readLinks,
  mac_address: readMacAddress,
  mem_reservation: readSizeLimit,
  mem_swappiness: readInteger(0, 100),
  memswap_limit: readMemorySwap,
  oom_kill_disable: readSwitch,
  oom_score_adj: readAdjustment,
  pid: readMode('host'),
  platform: readPlatform,
  privileged: readSwitch,
  runtime: readFilledText,
  storage_opt: orNothing(readSettings),
  sysctls: orNothing(readSettings),
  ulimits: readUlimits,
  userns_mode: readUserns,
  uts: readOneOf('host'),
  volumes_from: readVolumesFrom,
  cap_add: readSet(readCapability),
  cap_drop: readSet(readCapability),
  security_opt: readSet(readSecurityOption),
  mem_limit: readSizeLimit,
  cpus: readCpus,
  pids_limit: readInteger(-1),
  deploy: readDeploy,
  scale: readReplicas,
  logging: orNothing(
    readShape('logging', {
      driver: readFilledText,
      options: (node, context) => readEntries(node, context, (value) => readAsWritten(value, context)),
    }),
  ),
  pull_policy: readPullPolicy,
  configs: readAttachedConfigs,
  secrets: readAttachedSecrets,
  'x-longshore': readServiceExtension,
  // Both are gone by now: load-project.ts has read them.
  extends: () => undefined,
  profiles: () => undefined,
}

const readKeys = readShape('service', rows)

export const readServices: Reader<Record<string, Service>> = (node, context) =>
  readEntries(node, context, (value) => readService(value, context))
