import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { modelOf, read } from './support.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.yaml`, import.meta.url), 'utf8')
const mebibyte = 1024 ** 2

test('a stack of broker, database, flows and boards comes to its model', () => {
  const text = fixture('gateway')
  const source = { app: 'gateway', variables: { INFLUX_USER: 'admin' }, readFile: () => 'INFLUX_TOKEN=secret\n' }
  const { services, networks, volumes } = modelOf(text, source)
  expect(services.mosquitto).toEqual({
    image: 'eclipse-mosquitto:2.0.22',
    restart: 'unless-stopped',
    logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
    command: ['mosquitto', '-c', '/mosquitto-no-auth.conf'],
    ports: [
      { target: 1883, published: 1883, protocol: 'tcp' },
      { target: 9001, published: 9001, protocol: 'tcp', host_ip: '127.0.0.1' },
    ],
    volumes: [{ type: 'volume', source: 'mosquitto-data', target: '/mosquitto/data' }],
    healthcheck: {
      test: ['CMD-SHELL', "mosquitto_sub -t '$SYS/#' -C 1 | grep -v Error || exit 1"],
      interval: '10s',
      timeout: '5s',
      retries: 3,
    },
  })
  expect(services.influxdb).toMatchObject({
    image: 'influxdb:2.7-alpine',
    environment: { DOCKER_INFLUXDB_INIT_USERNAME: 'admin', INFLUX_TOKEN: 'secret' },
    mem_limit: 512 * mebibyte,
    cpus: 1.5,
  })
  expect(services.grafana).toMatchObject({
    depends_on: { influxdb: { condition: 'service_started' } },
    environment: { GF_SERVER_ROOT_URL: 'http://gateway.local:3000/' },
    mem_limit: 256 * mebibyte,
    deploy: { update_config: { monitor: '20s' } },
  })
  expect(networks).toEqual({ field: { name: 'field' } })
  expect(Object.keys(volumes ?? {})).toEqual(['mosquitto-data', 'influx-data', 'node-red-data', 'grafana-data'])
})

test('without the one variable it asks for, it is refused with its own words', () => {
  expect(read(fixture('gateway'), { readFile: () => '' })).toMatchObject({
    ok: false,
    faults: [{ code: 'variable-undefined', message: expect.stringContaining('set the name of the first user') }],
  })
})

test('what docker compose config prints is accepted', () => {
  const { services } = modelOf(fixture('config-output'), { app: 'shop' })
  expect(services.api).toMatchObject({
    ports: [{ target: 8080, published: 8080, protocol: 'tcp', host_ip: '127.0.0.1' }],
    volumes: [
      { type: 'bind', source: '/srv/shop/config', target: '/config', read_only: true },
      { type: 'volume', source: 'uploads', target: '/uploads' },
    ],
    mem_limit: 256 * mebibyte,
    cpus: 0.5,
    pids_limit: 200,
  })
  expect(services.api).not.toHaveProperty('command')
})

test('block texts, absolute binds and options of tmpfs are kept', () => {
  expect(modelOf(fixture('telegraf')).services.telegraf).toMatchObject({
    environment: { BANNER: 'two lines\nof $money\n' },
    command: ['telegraf', '--config', '/etc/telegraf/telegraf.conf', '--quiet'],
    tmpfs: ['/run:size=8m,mode=755', '/tmp'],
    volumes: [
      { target: '/etc/telegraf/telegraf.conf', read_only: true },
      { source: '/', target: '/hostfs', read_only: true, bind: { propagation: 'rslave' } },
      { target: '/var/run/docker.sock' },
    ],
  })
})
