/** The pages and schemas that are made from the code, by path. Pure. */
import { z } from 'zod'
import { policyFileSchema } from '../../agent/policy/policy-schema.ts'
import { appMetrics, hostMetrics, type Metric } from '../../agent/telemetry/metrics.ts'
import { profiles } from '../../agent/telemetry/profiles.ts'
import { createProgram } from '../../src/cli/program.ts'
import { modelSchema } from '../../src/compose/model.ts'
import { bridgeStatusSchema } from '../../src/protocol/bridge.ts'
import { brokerStatusSchema } from '../../src/protocol/broker-status.ts'
import { bundleSchema } from '../../src/protocol/bundle.ts'
import { certificateRequestSchema, certificateResponseSchema } from '../../src/protocol/certificate.ts'
import { codeNames, explain } from '../../src/protocol/codes.ts'
import { commandSchema, replySchema } from '../../src/protocol/command.ts'
import { deploymentSchema } from '../../src/protocol/deployment.ts'
import { eventSchema } from '../../src/protocol/event.ts'
import { inventorySchema } from '../../src/protocol/inventory.ts'
import { agentStatusSchema } from '../../src/protocol/local.ts'
import { logChunkSchema, logCreditSchema } from '../../src/protocol/log.ts'
import { progressSchema } from '../../src/protocol/progress.ts'
import { reportedSchema } from '../../src/protocol/reported.ts'
import { secretsSchema } from '../../src/protocol/secret.ts'
import { statusSchema } from '../../src/protocol/status.ts'
import { telemetrySchema } from '../../src/protocol/telemetry.ts'
import { monitoringMetricsPage } from './monitoring-metrics.ts'
import { rolesPage } from './roles-page.ts'

const schemas: Readonly<Record<string, z.ZodType>> = {
  deployment: deploymentSchema,
  'compose-model': modelSchema,
  secrets: secretsSchema,
  status: statusSchema,
  event: eventSchema,
  telemetry: telemetrySchema,
  inventory: inventorySchema,
  reported: reportedSchema,
  progress: progressSchema,
  command: commandSchema,
  reply: replySchema,
  log: logChunkSchema,
  'log-credit': logCreditSchema,
  policy: policyFileSchema,
  bundle: bundleSchema,
  'agent-status': agentStatusSchema,
  'bridge-status': bridgeStatusSchema,
  'broker-status': brokerStatusSchema,
  'certificate-request': certificateRequestSchema,
  'certificate-response': certificateResponseSchema,
}

export const generatedDocs = (): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [`docs/protocol/${name}.schema.json`, schemaText(name, schema)]),
  ),
  'docs/errors.md': errorsPage(),
  'docs/cli.md': cliPage(),
  'docs/telemetry.md': telemetryPage(),
  'docs/monitoring-metrics.md': monitoringMetricsPage(),
  'docs/roles.md': rolesPage(),
})

const schemaText = (name: string, schema: z.ZodType): string =>
  `${JSON.stringify({ title: name, ...z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' }) }, undefined, 2)}\n`

const telemetryPage = (): string =>
  [
    '# Telemetry',
    '',
    'The agent reads what the machine and the containers of its apps are doing every 10 seconds, from files of the kernel, and tells what is worth it on',
    '`<root>/v1/<device>/telemetry/host` and `<root>/v1/<device>/telemetry/app/<app>`, through the [outbox](outbox.md): flat JSON, numbers with their units in',
    'the names.',
    '',
    '```sh',
    "mosquitto_sub -v -t 'longshore/v1/+/telemetry/#'",
    '```',
    '',
    'A full report has every metric. Between two of them only what moved by its band is told, and no more often than the pause says. The setting `telemetry` of',
    'the [agent](agent.md) chooses, and `longshore telemetry PROFILE --device ID` changes it while the agent runs:',
    '',
    '| profile | samples | full report | pause | bands |',
    '| --- | --- | --- | --- | --- |',
    ...Object.entries(profiles).map(
      ([name, { sampleEveryMs, fullEveryMs, leastPauseMs, bandFactor }]) =>
        `| \`${name}\`${name === 'thrifty' ? ' (default)' : ''} | every ${spanText(sampleEveryMs)} | ${name === 'off' ? 'never | |' : `every ${spanText(fullEveryMs)} | ${spanText(leastPauseMs)} | × ${bandFactor}`} |`,
    ),
    '',
    '`live` is for while somebody looks: it ends by itself, and while the device has no connection what `thrifty` tells is told. A device that is told to tell',
    'nothing samples all the same, for its own verdict on its [health](health.md).',
    '',
    'In the names `*` stands for the mount point, device, interface, sensor, GPU or service. What a machine does not have is left out, and so is what cannot be',
    'read: a container without a cgroup, a network file system, a disk that does not answer within a second. Disks that are mounted read-only are full by nature',
    'and not told.',
    '',
    '## The host',
    '',
    'Counters start anew with the machine, or with the interface.',
    '',
    ...metricTable(hostMetrics),
    '',
    'GPUs are called as in the inventory (`longshore devices --device ID`). Those of AMD tell all of it through sysfs, those of Intel what their driver has there.',
    'NVIDIA has a program for it: `nvidia-smi` is started once a minute, only where its driver has a GPU that is awake, and killed after 20 seconds.',
    'It is the one process that telemetry starts.',
    '',
    '## Apps',
    '',
    'Of a service with several containers their sum is told. Counters begin when the agent starts, and go on when a container is started again or replaced by',
    'that of a new release; `restarts` is what the engine counts of the container that is there. Cgroups of version 1 and 2 are read.',
    '',
    ...metricTable(appMetrics),
    '',
  ].join('\n')

const metricTable = (metrics: Readonly<Record<string, Metric>>): string[] => [
  '| metric | kind | unit | told early when it moves by | what |',
  '| --- | --- | --- | --- | --- |',
  ...Object.entries(metrics).map(
    ([name, { kind, unit, text, band, bandShare }]) =>
      `| \`${name}\` | ${kind} | ${unit} | ${bandText(band, bandShare)} | ${text} |`,
  ),
]

const spanText = (ms: number): string => (ms < 60_000 ? `${ms / 1_000} s` : `${ms / 60_000} min`)

const bandText = (band: number | undefined, share: number | undefined): string => {
  if (band === undefined) return ''
  const amount = band >= 1_048_576 ? `${band / 1_048_576} MiB` : String(band)
  return share === undefined ? amount : `${amount} and ${share * 100} %`
}

const errorsPage = (): string =>
  [
    '# Codes',
    '',
    'Every refusal, wait, failure and error carries one of these codes: in `reported`, in replies, in the log and on the',
    'command line. Programs branch on the code; the message beside it is for people.',
    '',
    'This page is generated by `npm run docs` from `src/protocol/codes.ts`.',
    '',
    '| code | meaning | what to do |',
    '| --- | --- | --- |',
    ...codeNames.map((code) => `| \`${code}\` | ${cell(explain(code).meaning)} | ${cell(explain(code).remedy)} |`),
    '',
  ].join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|')

const cliPage = (): string => {
  const program = createProgram()
  const commands = program.commands.flatMap((command) => [command, ...command.commands])
  for (const command of [program, ...commands])
    command
      .configureHelp({ helpWidth: 110, sortOptions: false })
      .configureOutput({ getOutHelpWidth: () => 110, getOutHasColors: () => false })
  return [
    '# The longshore command',
    '',
    'From a checkout, after `npm run build`: `npm run -s longshore -- <command>`.',
    '',
    '| exit code | meaning |',
    '| --- | --- |',
    '| 0 | done |',
    '| 1 | failed, refused or rolled back |',
    '| 2 | bad usage or an invalid file |',
    '| 3 | nobody answered in time: no broker, or no device |',
    '| 130 | stopped by Ctrl-C while waiting; what was deployed stays on the broker |',
    '',
    'Results go to standard output, all else to standard error. `--json` prints one object for a get and one line an event',
    'for a watch; an error is then one object `{"error": {"code", "message"}}` on standard error. `NO_COLOR` is honoured.',
    '',
    'Which broker: flags, over `LONGSHORE_BROKER`, over a context: `--context site` reads `~/.config/longshore/site.yaml` with',
    'the keys `broker`, `username`, `passwordFile`, `ca`, `cert`, `key` and `root`.',
    '',
    'This page is generated by `npm run docs` from the commands themselves.',
    '',
    ...commands.flatMap((command) => [`## longshore ${nameOf(command)}`, '', '```text', helpOf(command), '```', '']),
  ].join('\n')
}

type CommandLike = ReturnType<typeof createProgram>

const nameOf = (command: CommandLike): string =>
  command.parent?.parent == null ? command.name() : `${command.parent.name()} ${command.name()}`

const helpOf = (command: CommandLike): string => command.helpInformation().trimEnd()
