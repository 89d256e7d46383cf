/** A real Prometheus that scrapes one address every second, with a folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { eventually } from './eventually.ts'
import { accepts, findFreePort } from './mosquitto.ts'

export type Queried = { readonly labels: Readonly<Record<string, string>>; readonly value: number }

export type Prometheus = {
  /** Of an instant query: what it gives now. */
  readonly query: (expression: string) => Promise<Queried[]>
  /** names of the rules that it has loaded, and how they are */
  readonly rules: () => Promise<Record<string, string>>
}

export const startPrometheus = async (target: string): Promise<Prometheus> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-prometheus-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const port = await findFreePort()
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [resolve('examples/prometheus/longshore.rules.yml')],
    scrape_configs: [{ job_name: 'longshore', static_configs: [{ targets: [target] }] }],
  }
  // Whatever is JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const child: ChildProcess = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  onTestFinished(async () => {
    if (child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  })
  await eventually('Prometheus to listen', () => child.exitCode !== null || accepts(port))
  const ask = async (path: string): Promise<{ data: { result: unknown[]; groups: { rules: unknown[] }[] } }> =>
    (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json() as never
  return {
    query: async (expression) => {
      const { data } = await ask(`query?query=${encodeURIComponent(expression)}`)
      const found = data.result as { metric: Record<string, string>; value: [number, string] }[]
      return found.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
    },
    rules: async () => {
      const { data } = await ask('rules')
      const rules = data.groups.flatMap((group) => group.rules) as { name: string; health: string }[]
      return Object.fromEntries(rules.map(({ name, health }) => [name, health]))
    },
  }
}

/** What promtool says, and how it ended; it comes with Prometheus. */
export const promtool = (parameters: readonly string[], stdin = ''): Promise<{ exitCode: number; output: string }> =>
  new Promise((done) => {
    const child = execFile('promtool', parameters, (error, stdout, stderr) =>
      done({ exitCode: typeof error?.code === 'number' ? error.code : 0, output: `${stdout}${stderr}` }),
    )
    child.stdin?.end(stdin)
  })
