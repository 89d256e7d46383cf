/** `longshore run`: one command in a container of its own on a device, as if it ran here: its output, its exit code. */
import { StringDecoder } from 'node:string_decoder'
import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { ask } from '../../fleet/command.ts'
import type { Reply } from '../../protocol/command.ts'
import { operator, parseDevice, parseDuration, parseTarget } from '../arguments.ts'
import { answered } from '../ask-devices.ts'
import { type BrokerOptions, withBrokerOptions, withFleet } from '../context.ts'
import { exitCode, forTerminal, remark, sayJson } from '../output.ts'

type Options = BrokerOptions & { device: string; limit: number; devices?: true }
type Target = { readonly app: string; readonly service: string }

/** A device that is there begins within this time, or not at all; it says so when it does. */
const expireMs = 30_000
const beginMs = expireMs + 15_000
/** How long an answer may take beside the command itself. */
const spareMs = 60_000

export const addRun = (program: Command): void => {
  withBrokerOptions(program.command('run'))
    .description(
      'run a command in a container of its own, with the image, environment, volumes and networks of a service; the policy of the device must let it',
    )
    .argument('<app/service>', 'the service', parseService)
    .argument('<command...>', 'the command, after --')
    .requiredOption('-d, --device <id>', 'device', parseDevice)
    .option('--limit <duration>', 'it is killed after this time; 1h at most', parseDuration, 60_000)
    .option('--devices', 'with the devices and GPUs that the service names by their path or number')
    .option('--json', 'one object, with the output in it')
    .addHelpText(
      'after',
      '\nExample:\n  longshore run line3/db --device gw-17 --limit 5m -- pg_dump -U app app > app.sql',
    )
    .action(async ({ app, service }: Target, command: string[], options: Options) => {
      const { device, limit: timeoutMs } = options
      const json = options.json === true
      const output = collectOutput(json)
      const args = { app, service, command, timeoutMs, devices: options.devices === true, by: operator() }
      const reply = await withFleet(options, (fleet) =>
        ask(fleet, {
          ...{ device, verb: 'run', args, beginMs, expireMs, onProgress: output.take, now: Date.now() },
          timeoutMs: timeoutMs + spareMs,
        }),
      )
      const counts = resultSchema.safeParse(reply.result).data
      const lost = counts === undefined ? 0 : counts.stdoutBytes + counts.stderrBytes - output.bytes()
      if (json) sayJson({ device, ...reply, ...output.texts() })
      if (lost > 0) remark(`${device}: ${lost} bytes of its output did not come`)
      if (json && reply.outcome !== 'done') process.exitCode = exitCode.failed
      else process.exitCode = resultSchema.parse(answered(device, reply).result).exitCode
    })
}

const parseService = (text: string): Target => {
  const { app, service } = parseTarget(text)
  if (service === undefined) throw new InvalidArgumentError('must be APP/SERVICE')
  return { app, service }
}

const resultSchema = z.looseObject({ exitCode: z.int(), stdoutBytes: z.int(), stderrBytes: z.int() })

const pieceSchema = z.looseObject({
  stream: z.enum(['stdout', 'stderr']),
  at: z.int().nonnegative(),
  data: z.base64(),
})

/** Bytes as they were written, each once: a piece is sent again until the device knows that it came. */
const collectOutput = (isKept: boolean) => {
  const next = { stdout: 0, stderr: 0 }
  const kept: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
  const decoders = { stdout: new StringDecoder(), stderr: new StringDecoder() }
  let taken = 0
  return {
    take: ({ result }: Reply): void => {
      const read = pieceSchema.safeParse(result)
      if (!read.success) return
      const { stream, at, data } = read.data
      const bytes = Buffer.from(data, 'base64').subarray(Math.max(0, next[stream] - at))
      if (bytes.length === 0) return
      next[stream] = Math.max(at, next[stream]) + bytes.length
      taken += bytes.length
      if (isKept) kept[stream].push(bytes)
      // A terminal would obey what is in it; a file or a pipe gets every byte as it is.
      else process[stream].write(process[stream].isTTY === true ? forTerminal(decoders[stream].write(bytes)) : bytes)
    },
    bytes: (): number => taken,
    texts: () => ({ stdout: Buffer.concat(kept.stdout).toString(), stderr: Buffer.concat(kept.stderr).toString() }),
  }
}
