/** The commands of docs/enrolment.md as they stand there: a site, a device with a token, an app on it, a renewal, and the end of it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { listCertificates } from '../../broker/enrolment/operate.ts'
import { siteFiles } from '../../broker/enrolment/site-files.ts'
import { docker, newDeviceId, removeEverythingOf } from '../support/agents.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { findFreePort } from '../support/mosquitto.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const compose = `services:
  web:
    image: longshore/example:1
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    deploy: { update_config: { monitor: 500ms }, placement: { constraints: [node.labels.hall == 3] } }
`

/** A place for a site and a device, in which the lines of the page are run. */
const openPlace = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-enrolment-'))
  const device = newDeviceId()
  const port = await findFreePort()
  onTestFinished(async () => {
    await removeEverythingOf(device)
    await rm(`/dev/shm/longshore-test/${device}`, { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
  })
  const command = join(folder, 'longshore')
  await writeFile(command, `#!/bin/sh\nexec ${process.execPath} ${built.path} "$@"\n`)
  await chmod(command, 0o755)
  const site = join(folder, 'site')
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env.PATH}`,
    XDG_CONFIG_HOME: join(folder, 'home'),
    JOURNAL_STREAM: undefined,
    LONGSHORE_CONTEXT: '',
  }
  const page = await readFile('docs/enrolment.md', 'utf8')
  const lines = [...page.matchAll(/^longshore .*$/gm)].map(([line]) => line)
  /** The line that begins so, for this place. */
  const line = (start: string): string => {
    const found = lines.find((one) => one.startsWith(start))
    if (found === undefined) throw new Error(`docs/enrolment.md has no line ${start}`)
    return found
      .replaceAll('/var/lib/longshore-broker/site', site)
      .replaceAll('/etc/longshore', folder)
      .replaceAll('broker.local', 'localhost')
      .replaceAll('8883', String(port))
      .replaceAll('gw-17', device)
      .replace(/^longshore broker init/, `longshore broker init --dir ${site} --port ${port}`)
      .replace(/^longshore enroll/, `longshore enroll --dir ${site}`)
  }
  const run = (text: string) =>
    promisify(execFile)('sh', ['-ec', text], { cwd: folder, env, timeout: 30_000 }).then(
      ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ exitCode: code as number, stdout: String(stdout), stderr: String(stderr) }),
    )
  const start = async (text: string, until: string) => {
    const child: ChildProcess = spawn('sh', ['-c', `exec ${text}`], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = once(child, 'exit')
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM')
      await exited
    }
    onTestFinished(stop)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    await eventually(`${text} to say "${until}"`, () => output.includes(until))
    return { output: () => output, stop }
  }
  return { folder, site, device, port, line, run, start }
}

test('a site, a token, a device with an app, a certificate renewed meanwhile, and the device shut out', async () => {
  const { folder, site, device, line, run, start } = await openPlace()
  const made = await run(line('longshore broker init'))
  expect(made).toMatchObject({ exitCode: 0 })
  // In the time of a test; a certificate says whole seconds.
  const config = await readFile(join(site, 'broker.yaml'), 'utf8')
  await writeFile(join(site, 'broker.yaml'), config.replace('# lifetimeS: 31536000', 'lifetimeS: 9'))
  const runBroker = line('longshore broker --config')
  // What init prints makes an operator, wherever it is pasted.
  const asOperator = made.stdout.slice(made.stdout.indexOf('folder='))
  const broker = await start(runBroker, 'the broker listens')
  const [operator, tokenText] = await Promise.all([
    run(asOperator),
    run(`${line('longshore enroll token')} --label hall=3`),
  ])
  expect(operator).toMatchObject({ exitCode: 0 })
  const operate = (text: string) => run(`export LONGSHORE_CONTEXT=site\n${text}`)

  const token = tokenText.stdout.trim()
  const engine = `--engine unix://${inject('socketPath')} --name-prefix ${device}- --secrets /dev/shm/longshore-test/${device}`
  const enrollLine = `${line('longshore agent enroll').replace('TOKEN', token)} --config ${folder}/agent.yaml --state ${folder}/agent`
  expect(await run(enrollLine)).toMatchObject({ exitCode: 0 })
  const agent = await start(`${line('longshore agent --config')} ${engine}`, 'the agent runs')
  await eventually('the device to be online', async () =>
    (await operate('longshore devices')).stdout.match(`${device} +(online|degraded|failing)`),
  )
  await writeFile(join(folder, 'compose.yaml'), compose)
  expect(await operate(`longshore deploy hello -f compose.yaml --device ${device} --wait`)).toMatchObject({
    exitCode: 0,
  })

  await eventually('the certificate to be renewed', () => agent.output().includes('was renewed'), { timeoutMs: 20_000 })
  expect(agent.output().match(/"msg":"connected"/g)).toHaveLength(1)
  const issued = () => listCertificates(siteFiles(site), { all: true, nowMs: Date.now() })
  const before = JSON.parse((await run(`${line('longshore enroll list')} --all --json`)).stdout)
  expect(before.length).toBeGreaterThanOrEqual(2)

  // Long after the first one ran out, which is what the file of the device had at its start.
  await eventually('the first certificate to run out', () => before[0].notAfter < Date.now(), { timeoutMs: 20_000 })
  await broker.stop()
  await writeFile(join(site, 'broker.yaml'), config)
  const next = await start(runBroker, 'the broker listens')
  const count = (said: string): number => agent.output().split(said).length - 1
  const isBack = () => count('"msg":"connected"') >= 2
  await eventually('the device to be back', isBack, { timeoutMs: 30_000 })
  // By this broker for a year: how long the rest takes does not matter.
  const isLong = async () => (await issued()).some(({ notAfter }) => notAfter > Date.now() + 86_400_000)
  await eventually('a certificate for a year', isLong, { timeoutMs: 30_000 })
  await eventually('the agent to have it', () => /"renewInMs":\d{9,}/.test(agent.output()))

  expect(await run(line('longshore enroll revoke'))).toMatchObject({ exitCode: 0 })
  await eventually('the device to be refused', () => agent.output().includes('broker-refused'), { timeoutMs: 20_000 })
  expect(next.output()).toContain(`the certificate of ${device} was revoked`)
  expect((await run(line('longshore enroll list'))).stdout).toMatch(new RegExp(`${device} +revoked`))
  // Shut out, and running: an app does not depend on who may command it.
  const filters = { label: [`io.longshore.agent=${device}`] }
  expect(await docker().listContainers({ filters })).toMatchObject([{ State: 'running' }])
}, 120_000)
