/**
 * How long a container is away after it was killed: Longshore after `docker kill`, which no restart policy mends, beside
 * Docker's own `restart: always` after its main process was killed from outside. Taken in turn, in one run; a fresh
 * container each time, because Docker doubles its pause for one that was killed lately.
 */
import { exampleImageTag } from '../src/engine-setup/make-image.ts'
import { openBenchAgent, say, sayRatio, sayTimes } from './bench-agent.ts'

const rounds = 12
const bench = await openBenchAgent()
const { call, prefix } = bench

type State = { readonly Running: boolean; readonly StartedAt: string; readonly Pid: number }
const stateOf = async (name: string): Promise<State> =>
  ((await call('GET', `/containers/${name}/json`)).json as { State: State }).State

/** ms from the kill until the container runs under another start time; asked without a pause between. */
const away = async (name: string, kill: (state: State) => Promise<unknown> | unknown): Promise<number> => {
  const before = await stateOf(name)
  const killedAt = performance.now()
  await kill(before)
  for (;;) {
    const now = await stateOf(name)
    if (now.Running && now.StartedAt !== before.StartedAt) return performance.now() - killedAt
    if (performance.now() - killedAt > 30_000) throw new Error(`${name} did not come back`)
  }
}

const command = ['sh', '-c', 'while :; do sleep 1; done']
const longshoreMs: number[] = []
const dockerMs: number[] = []
try {
  for (let round = 0; round <= rounds; round += 1) {
    const app = `round${round}`
    const service = {
      image: exampleImageTag,
      command,
      stop_grace_period: '0s',
      deploy: { update_config: { monitor: '1s' } },
    }
    await bench.deploy(app, { web: service })
    const name = `${prefix}${app}-web-1`
    const ours = await away(name, () => call('POST', `/containers/${name}/kill`))

    // The same image, command and kind of network, made by hand.
    const network = `${prefix}raw${round}`
    await call('POST', '/networks/create', { Name: network })
    const raw = `${prefix}raw${round}`
    await call('POST', `/containers/create?name=${raw}`, {
      Image: exampleImageTag,
      Cmd: command,
      HostConfig: { RestartPolicy: { Name: 'always' }, NetworkMode: network },
    })
    await call('POST', `/containers/${raw}/start`)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const dockers = await away(raw, ({ Pid }) => process.kill(Pid, 'SIGKILL'))
    await call('DELETE', `/containers/${raw}?force=1`)
    await call('DELETE', `/networks/${network}`)
    await bench.remove(app)
    // The first round warms up.
    if (round === 0) continue
    longshoreMs.push(ours)
    dockerMs.push(dockers)
  }
} finally {
  await bench.close()
}

say(`killed to running again, median of ${rounds} (least to most); Node ${process.version}`)
sayTimes('Longshore, after docker kill', longshoreMs)
sayTimes("Docker's restart: always, after its main process was killed", dockerMs)
sayRatio('ratio, round by round', longshoreMs, dockerMs)
