/** The built command over projects of several files, as an operator types it. Needs no broker and no engine. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BuiltCommand, buildCommand, runCommand } from '../support/command.ts'

let built: BuiltCommand
let folder: string

beforeAll(async () => {
  built = await buildCommand()
  folder = await mkdtemp(join(tmpdir(), 'longshore-project-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await built.remove()
})

const put = async (name: string, text: string): Promise<string> => {
  const file = join(folder, name)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, text)
  return file
}

/** In the manner of `docker compose config --no-path-resolution`. */
const printed = `name: shop
services:
  api:
    command: null
    entrypoint: null
    depends_on:
      db:
        condition: service_healthy
        required: true
        restart: true
    deploy:
      resources:
        limits:
          cpus: 0.5
          memory: "268435456"
    env_file:
      - path: api.env
        required: true
    healthcheck:
      test:
        - CMD
        - check
      timeout: 10s
      interval: 1m30s
    image: registry.example/api:1
    labels: {}
    networks:
      default: null
    ports:
      - mode: ingress
        target: 8080
        published: "8080"
        protocol: tcp
    profiles:
      - site
    shm_size: "67108864"
    stop_grace_period: 1m0s
    volumes:
      - type: volume
        source: data
        target: /data
        volume: {}
      - type: bind
        source: /srv/shop
        target: /shop
        bind:
          create_host_path: true
  db:
    image: postgres
    networks:
      default: null
networks:
  default:
    name: shop_default
volumes:
  data:
    name: shop_data
x-note: kept
`

test('what docker compose config prints is taken from standard input, with the folder that is given', async () => {
  await put('shop/api.env', 'A=1\n')
  const parameters = ['validate', '--json', '-f', '-', '--project-directory', join(folder, 'shop'), '--profile', 'site']
  const { exitCode, stdout, stderr } = await runCommand(built.path, parameters, { stdin: printed })
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  const { compose } = JSON.parse(stdout)
  expect(compose).toMatchObject({
    name: 'shop',
    services: {
      api: {
        image: 'registry.example/api:1',
        environment: { A: '1' },
        ports: [{ target: 8080, published: 8080, protocol: 'tcp' }],
        mem_limit: 268_435_456,
        shm_size: 67_108_864,
        stop_grace_period: '60s',
      },
    },
    volumes: { data: { name: 'shop_data' } },
  })
  expect(compose.services.api).not.toHaveProperty('profiles')
})

test('files of several folders, from the shell and from .env, and a fault in the file it stands in', async () => {
  const base = await put('one/base.yaml', 'services: {web: {image: "x:${LONGSHORE_TEST_TAG}", profiles: [p]}}')
  const over = await put('two/over.yaml', 'services:\n  web:\n    user: me\n    ports: ["x"]\n')
  await put('one/.env', 'LONGSHORE_TEST_TAG=dotenv\nCOMPOSE_PROFILES=p\n')
  const env = { LONGSHORE_TEST_TAG: 'shell' }
  const run = (...parameters: string[]) => runCommand(built.path, ['validate', '--json', ...parameters], { env })
  const imageOf = (ran: { stdout: string }) => JSON.parse(ran.stdout).compose.services.web.image
  expect(imageOf(await run('-f', base))).toBe('x:dotenv')
  expect(imageOf(await run('-f', base, '--env-from-shell'))).toBe('x:shell')
  const refused = await run('-f', base, '-f', over)
  expect(refused.exitCode).toBe(2)
  expect(JSON.parse(refused.stderr).error.faults).toMatchObject([
    { code: 'value-invalid', path: 'services.web.ports[0]', place: { file: over, line: 4, column: 13 } },
  ])
})

test('the commands of docs/compose.md work when they are pasted', async () => {
  const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(await readFile('docs/compose.md', 'utf8')) ?? []
  const shim = await put('bin/longshore', `#!/bin/sh\nexec '${process.execPath}' '${built.path}' "$@"\n`)
  await chmod(shim, 0o755)
  const env = { ...process.env, NO_COLOR: '1', PATH: `${join(folder, 'bin')}:${process.env.PATH}` }
  const { stdout } = await promisify(execFile)('bash', ['-euc', commands], { cwd: folder, env })
  expect(stdout).toContain('compose.yaml, site-a.yaml: valid, 1 service, release sha256:')
})
