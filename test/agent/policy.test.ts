/** What the default policy takes and refuses, and what each key of a policy changes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policyInForce } from '../../agent/fixed-policy.ts'
import { defaultPolicy } from '../../agent/policy/default-policy.ts'
import { matches } from '../../agent/policy/patterns.ts'
import { policyFault, verbFault } from '../../agent/policy/policy-fault.ts'
import type { PolicyInForce } from '../../agent/policy/policy-in-force.ts'
import type { Policy } from '../../agent/policy/policy-schema.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import { validateModel } from '../../src/compose/validate.ts'
import { serviceModel } from '../support/builders.ts'

/** The links of a device, and what of it is the agent's. */
const links: Readonly<Record<string, string>> = {
  '/var/run': '/run',
  '/opt/out': '/etc',
  '/opt/engine': '/run/docker.sock',
  '/dev/serial/by-id/usb-1': '/dev/ttyUSB0',
  '/dev/stick': '/dev/sdb1',
  '/data/longshore': '/mnt/big/longshore',
  '/etc/localtime': '/usr/share/zoneinfo/UTC',
}
const resolve = (path: string): string | undefined => {
  if (path.startsWith('/opt/circle')) return undefined
  const link = Object.keys(links).find((from) => path === from || path.startsWith(`${from}/`))
  return link === undefined ? path : `${links[link]}${path.slice(link.length)}`
}
const own = {
  folders: ['/data/longshore', '/run/longshore/gw-1', '/opt/keys/gw-1.key'],
  engineSockets: ['/opt/engines/first.sock'],
}
const device = (changes: Partial<Policy> = {}): PolicyInForce => ({ ...policyInForce(changes), resolve, own })

const judge = (model: Model, changes?: Partial<Policy>) => {
  const validated = validateModel(model)
  if (!validated.ok) throw new Error(`no such model can arrive: ${JSON.stringify(validated.faults)}`)
  return policyFault(validated.model, device(changes))
}

type Fragment = Partial<Service>
type Row = readonly [fragment: Fragment, path: string, allow: string]

const bind = (source: string, readOnly = false): Fragment => ({
  volumes: [{ type: 'bind', source, target: '/x', ...(readOnly ? { read_only: true } : {}) }],
})
const read = (source: string): Fragment => bind(source, true)
const node = (source: string): Fragment => ({ devices: [{ source }] })
const rule = (text: string): Fragment => ({ device_cgroup_rules: [text] })
const log = (options: Record<string, string>): Fragment => ({ logging: { driver: 'k8s-file', options } })
const option = (text: string): Fragment => ({ security_opt: [text] })

describe('the default refuses', () => {
  const refused: Row[] = [
    [{ privileged: true }, 'privileged', 'privileged: true'],
    ...['/', '/etc', '/proc', '/sys', '/dev'].map((path): Row => [bind(path), 'volumes[0]', 'hostPaths: {']),
    [read('/'), 'volumes[0]', 'readOnlyPaths: [/]'],
    ...['/etc', '/proc', '/sys', '/dev'].map((path): Row => [read(path), 'volumes[0]', `hostPaths: {${path}: read}`]),
    [bind('/etc/passwd'), 'volumes[0]', 'hostPaths: {/etc/passwd: write}'],
    [read('/etc/shadow'), 'volumes[0]', 'hostPaths: {/etc/shadow: read}'],
    [bind('/etc/localtime'), 'volumes[0]', 'hostPaths: {/etc/localtime: write}'],
    [bind('/etc/timezone'), 'volumes[0]', 'hostPaths: {/etc/timezone: write}'],
    [read('/etc/localtimes'), 'volumes[0]', 'hostPaths'],
    [bind('//etc'), 'volumes[0]', 'hostPaths: {/etc: write}'],
    [bind('/etc/'), 'volumes[0]', 'hostPaths: {/etc: write}'],
    [bind('/./etc/.'), 'volumes[0]', 'hostPaths: {/etc: write}'],
    [bind('/opt/../etc'), 'volumes[0]', 'a path without ..'],
    [bind('/opt/..'), 'volumes[0]', 'a path without ..'],
    [read('/proc/1/root'), 'volumes[0]', 'hostPaths: {/proc/1/root: read}'],
    [read('/sys/fs/cgroup'), 'volumes[0]', 'hostPaths: {/sys/fs/cgroup: read}'],
    [bind('/dev/bus/usb'), 'volumes[0]', 'hostPaths: {/dev/bus/usb: write}'],
    [bind('/dev/shm'), 'volumes[0]', 'hostPaths: {/dev/shm: write}'],
    [bind('/var/run/docker.sock'), 'volumes[0]', 'engineSocket: true'],
    [read('/run/docker.sock'), 'volumes[0]', 'engineSocket: true'],
    [bind('/run/podman/podman.sock'), 'volumes[0]', 'engineSocket: true'],
    [bind('/run/podman'), 'volumes[0]', 'engineSocket: true'],
    [bind('/run/user/1000'), 'volumes[0]', 'engineSocket: true'],
    [bind('/run/containerd/containerd.sock'), 'volumes[0]', 'engineSocket: true'],
    [bind('/home/pi/elsewhere/docker.sock'), 'volumes[0]', 'engineSocket: true'],
    [bind('/opt/engines/first.sock'), 'volumes[0]', 'engineSocket: true'],
    [read('/opt/engines'), 'volumes[0]', 'engineSocket: true'],
    [bind('/opt/engine'), 'volumes[0]', 'engineSocket: true'],
    [read('/run'), 'volumes[0]', 'readOnlyPaths: [/run]'],
    [read('/var/run'), 'volumes[0]', 'readOnlyPaths: [/var/run]'],
    [bind('/run/dbus'), 'volumes[0]', 'hostPaths: {/run/dbus: write}'],
    [bind('/var/run/dbus/system_bus_socket'), 'volumes[0]', 'hostPaths'],
    [bind('/run/systemd/private'), 'volumes[0]', 'hostPaths'],
    [bind('/var'), 'volumes[0]', 'hostPaths'],
    [bind('/var/lib'), 'volumes[0]', 'hostPaths'],
    [bind('/var/lib/docker/volumes'), 'volumes[0]', 'hostPaths'],
    [read('/root'), 'volumes[0]', 'readOnlyPaths: [/root]'],
    [bind('/var/spool/cron/crontabs'), 'volumes[0]', 'hostPaths'],
    [bind('/usr'), 'volumes[0]', 'hostPaths: {/usr: write}'],
    [bind('/usr/local/bin'), 'volumes[0]', 'hostPaths: {/usr/local/bin: write}'],
    [bind('/boot'), 'volumes[0]', 'hostPaths: {/boot: write}'],
    [bind('/opt/out'), 'volumes[0]', 'hostPaths: {/etc: write}'],
    [read('/opt/out/shadow'), 'volumes[0]', 'hostPaths: {/etc/shadow: read}'],
    [bind('/opt/circle/a'), 'volumes[0]', 'a path that the agent can follow'],
    [bind('/data/longshore/apps'), 'volumes[0]', 'another path'],
    [read('/data'), 'volumes[0]', 'readOnlyPaths: [/data]'],
    [read('/mnt/big/longshore'), 'volumes[0]', 'readOnlyPaths'],
    [bind('/mnt/big'), 'volumes[0]', 'another path'],
    [read('/run/longshore/gw-1/shop'), 'volumes[0]', 'readOnlyPaths'],
    [read('/opt/keys'), 'volumes[0]', 'readOnlyPaths'],
    ...[
      'ALL',
      'SYS_ADMIN',
      'CAP_SYS_ADMIN',
      'SYS_MODULE',
      'SYS_PTRACE',
      'SYS_RAWIO',
      'DAC_READ_SEARCH',
      'BPF',
      'MKNOD',
      'PERFMON',
      'SYSLOG',
      'SYS_BOOT',
    ].map(
      (name): Row => [{ cap_add: ['NET_ADMIN', name] }, 'cap_add[1]', `capabilities: [${name.replace('CAP_', '')}]`],
    ),
    [{ pid: 'host' }, 'pid', 'hostNamespaces: [pid]'],
    [{ ipc: 'host' }, 'ipc', 'hostNamespaces: [ipc]'],
    [{ userns_mode: 'host' }, 'userns_mode', 'hostNamespaces: [userns]'],
    [{ userns_mode: 'ns:/proc/1/ns/user' }, 'userns_mode', 'hostNamespaces: [userns]'],
    [{ userns_mode: 'container:other' }, 'userns_mode', 'hostNamespaces: [userns]'],
    [log({ path: '/etc/cron.d/x' }), 'logging.options.path', 'hostPaths: {/etc/cron.d/x: write}'],
    [log({ path: '/opt/out/cron.d/x' }), 'logging.options.path', 'hostPaths: {/etc/cron.d/x: write}'],
    [log({ path: '/usr/share/key' }), 'logging.options.path', 'hostPaths: {/usr/share/key: write}'],
    [log({ Path: '/etc/cron.d/x' }), 'logging.options.Path', 'hostPaths: {/etc/cron.d/x: write}'],
    [bind('/run/udev'), 'volumes[0]', 'hostPaths: {/run/udev: write}'],
    [{ network_mode: 'host', sysctls: { 'net.ipv4.ip_forward': '1' } }, 'sysctls', 'hostSysctls: true'],
    [option('seccomp=unconfined'), 'security_opt[0]', 'securityOptions: [seccomp=unconfined]'],
    [option('seccomp:unconfined'), 'security_opt[0]', 'securityOptions: [seccomp=unconfined]'],
    [option('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'), 'security_opt[0]', 'securityOptions'],
    [option('apparmor:unconfined'), 'security_opt[0]', 'securityOptions: [apparmor=unconfined]'],
    [option('systempaths=unconfined'), 'security_opt[0]', 'securityOptions'],
    [option('no-new-privileges:false'), 'security_opt[0]', 'securityOptions'],
    [option('label:disable'), 'security_opt[0]', 'securityOptions: [label=disable]'],
    [option('label=type:spc_t'), 'security_opt[0]', 'securityOptions'],
    [option('unmask=ALL'), 'security_opt[0]', 'securityOptions'],
    ...[
      '/dev/mem',
      '/dev/kmsg',
      '/dev/sda',
      '/dev/sdb1',
      '/dev/nvme0n1',
      '/dev/mmcblk0p2',
      '/dev/mapper/root',
      '/dev/ng0n1',
      '/dev/pmem0',
      '/dev/bcache0',
      '/dev/dasda1',
      '/dev/drbd0',
      '/dev/rbd0',
      '/dev/disk/by-id/x',
      '//dev//sda',
      '/dev',
      '/dev/mapper',
      '/dev/stick',
    ].map((path): Row => [node(path), 'devices[0]', 'refusedDevices without /dev']),
    [node('/dev/../dev/sda'), 'devices[0]', 'a path without ..'],
    [node('/opt/made-by-mknod'), 'devices[0]', 'devices: [/opt/made-by-mknod]'],
    ...['a *:* rwm', 'a 1:5 r', 'b 8:0 r', 'b *:* m', 'c *:* rwm', 'c 1:* r', 'c 1:1 r', 'c *:1 r', 'c 01:01 r'].map(
      (text): Row => [rule(text), 'device_cgroup_rules[0]', 'refusedDeviceRules without it'],
    ),
  ]

  test('at least 60 kinds of things', () => expect(refused.length).toBeGreaterThan(60))

  test.each(refused)('%j', (fragment, path, allow) => {
    const reason = judge(serviceModel({ api: {}, web: fragment }))
    expect(reason).toMatchObject({ code: 'policy-refused', path: `compose.services.web.${path}` })
    expect(reason?.message).toContain('service web ')
    expect(reason?.message.split('its policy would need ')[1]).toContain(allow)
  })

  test.each<[string, Partial<Model>, string]>([
    ['bind', { driver_opts: { type: 'none', o: 'bind', device: '/etc' } }, 'device'],
    [
      'rbind under another type',
      { driver: 'local', driver_opts: { type: 'nfs', o: 'ro,rbind', device: '/' } },
      'device',
    ],
    ['a bind of a link', { driver_opts: { type: 'none', o: 'bind', device: '/opt/out' } }, 'device'],
    ['a bind with ..', { driver_opts: { type: 'none', o: 'bind', device: '/opt/../etc' } }, 'device'],
    ['a read-only bind of the state', { driver_opts: { o: 'bind,ro', device: '/data/longshore' } }, 'device'],
    ['no type', { driver_opts: { device: '/proc', o: 'x' } }, 'device'],
    [
      'overlay',
      { driver_opts: { type: 'overlay', o: 'lowerdir=/,upperdir=/a,workdir=/b', device: 'overlay' } },
      'type',
    ],
    ['proc', { driver_opts: { type: 'proc', device: 'proc' } }, 'type'],
    ['devtmpfs', { driver_opts: { type: 'devtmpfs', device: 'devtmpfs' } }, 'type'],
    ['a disk', { driver_opts: { type: 'ext4', device: '/dev/sda1' } }, 'type'],
    ['a plugin', { driver: 'local-persist', driver_opts: { mountpoint: '/etc' } }, 'mountpoint'],
  ])('a volume that is the device by another name: %s', (_what, volume, key) => {
    const reason = judge(
      serviceModel({ web: {} }, { volumes: { data: volume as NonNullable<Model['volumes']>[string] } }),
    )
    expect(reason).toMatchObject({ code: 'policy-refused', path: `compose.volumes.data.driver_opts.${key}` })
  })

  test.each([
    { network_mode: 'container:other' },
    { pid: 'container:other' },
    { ipc: 'container:other' },
    { volumes_from: ['container:other'] },
  ])('%j, which no model can say', (fragment) => {
    expect(validateModel(serviceModel({ web: fragment })).ok).toBe(false)
  })

  test('the network of the device as an external one, which no model can say', () => {
    const networks = { outer: { external: true as const, name: 'host' } }
    expect(validateModel(serviceModel({ web: { networks: { outer: {} } } }, { networks })).ok).toBe(false)
  })
})

describe('the default takes', () => {
  test.each<Fragment>([
    {},
    read('/etc/localtime'),
    read('/etc/timezone'),
    bind('/opt/data'),
    bind('/srv'),
    bind('/home/pi/app'),
    bind('/root/app'),
    bind('/var/log'),
    bind('/tmp/longshore-test'),
    bind('/mnt/usb'),
    bind('/run/user/1000/pulse'),
    bind('/var/lib/dockerish'),
    read('/lib/modules'),
    read('/usr/share/zoneinfo'),
    bind('/run/longshore/gw-2'),
    read('/run/udev'),
    log({ path: '/var/log/web.log', 'max-size': '10m' }),
    log({ 'syslog-address': 'unixgram:///dev/log', tag: '/etc' }),
    { volumes: [{ type: 'bind', source: './conf', target: '/etc/app' }] },
    { volumes: [{ type: 'volume', source: 'data', target: '/data' }] },
    { volumes: [{ type: 'tmpfs', target: '/tmp' }], tmpfs: ['/run'] },
    { network_mode: 'host' },
    { uts: 'host' },
    { cgroup: 'host' },
    { pid: 'service:other' },
    { userns_mode: 'keep-id' },
    { sysctls: { 'net.ipv4.ip_forward': '1' } },
    { cap_add: ['NET_ADMIN', 'CAP_SYS_NICE', 'SYS_TIME', 'NET_RAW', 'IPC_LOCK', 'SYS_RESOURCE'], cap_drop: ['ALL'] },
    option('no-new-privileges'),
    option('no-new-privileges:true'),
    option('no-new-privileges=true'),
    node('/dev/ttyUSB0'),
    node('/dev/serial/by-id/usb-1'),
    node('/dev/dri'),
    node('/dev/net/tun'),
    node('/dev/video0'),
    node('/dev/snd'),
    node('nvidia.com/gpu=all'),
    rule('c 188:* rwm'),
    rule('c 1:5 r'),
    rule('c 166:0 rw'),
    { gpus: [{ count: 'all' }] },
    { runtime: 'nvidia' },
    { image: 'registry.example.com:5000/a/b:1' },
  ])('%j', (fragment) => {
    expect(judge(serviceModel({ other: {}, web: fragment }, { volumes: { data: {} } }))).toBeUndefined()
  })

  test.each<Record<string, string>>([
    {},
    { type: 'none', o: 'bind', device: '/opt/data' },
    { type: 'nfs', o: 'addr=10.0.0.1,rw', device: ':/export' },
    { type: 'cifs', o: 'username=a', device: '//server/share' },
    { type: 'tmpfs', device: 'tmpfs', o: 'size=10m' },
  ])('a volume with %j', (options) => {
    expect(judge(serviceModel({ web: {} }, { volumes: { data: { driver_opts: options } } }))).toBeUndefined()
  })
})

describe('a key of the policy', () => {
  const image = 'ghcr.io/acme/web'
  const byDigest = `${image}@sha256:${'a'.repeat(64)}`
  test.each<[Partial<Policy>, taken: Fragment, refused: Fragment]>([
    [{ privileged: true }, { privileged: true }, { cap_add: ['SYS_ADMIN'] }],
    [{ capabilities: ['SYS_ADMIN'] }, { cap_add: ['CAP_SYS_ADMIN'] }, { cap_add: ['NET_ADMIN'] }],
    [{ capabilities: ['ALL'] }, { cap_add: ['ALL'] }, { privileged: true }],
    [{ hostPaths: { '/srv/apps': 'write' } }, bind('/srv/apps/a'), bind('/srv')],
    [{ hostPaths: { '/': 'none', '/srv/apps': 'write' } }, bind('/srv/apps'), read('/opt')],
    [{ hostPaths: { '/srv': 'read' } }, read('/srv/a'), bind('/srv/a')],
    [{ hostPaths: { '/srv': 'write', '/srv/a': 'read' } }, read('/srv'), bind('/srv')],
    [{ hostPaths: { '/home/*/data': 'write' } }, bind('/home/pi/data/x'), bind('/home/pi')],
    [{ hostPaths: { ...defaultPolicy.hostPaths, '/etc/app': 'read' } }, read('/etc/app/x'), read('/etc/apps')],
    [{ readOnlyPaths: ['/'] }, read('/'), bind('/')],
    [{ readOnlyPaths: ['/sys'] }, read('/sys/'), read('/sys/fs')],
    [{ hostPaths: { ...defaultPolicy.hostPaths, '/etc': 'write' } }, bind('/etc'), bind('/')],
    [{ engineSocket: true }, bind('/var/run/docker.sock'), bind('/etc/docker.sock')],
    [{ hostNamespaces: ['pid'] }, { pid: 'host' }, { network_mode: 'host' }],
    [{ hostSysctls: true }, { network_mode: 'host', sysctls: { a: '1' } }, { pid: 'host' }],
    [{ securityOptions: ['seccomp=*'] }, option('seccomp:unconfined'), option('no-new-privileges')],
    [{ devices: ['/dev/ttyUSB*'] }, node('/dev/ttyUSB1'), node('/dev/ttyACM0')],
    [{ devices: ['nvidia.com/gpu=*'] }, node('nvidia.com/gpu=0'), node('intel.com/gpu=0')],
    [{ refusedDevices: ['/dev/video*'] }, node('/dev/sda'), node('/dev/video0')],
    [{ deviceRules: ['c 188:*'] }, rule('c 188:3 rw'), rule('c 189:* r')],
    [{ deviceRules: ['b *:*'], refusedDeviceRules: ['c *:*'] }, rule('b 8:0 r'), rule('c 5:5 r')],
    [{ gpus: false }, {}, { gpus: [{ count: 1 }] }],
    [{ gpus: false }, {}, { deploy: { resources: { reservations: { devices: [{ capabilities: ['gpu'] }] } } } }],
    [
      { devices: ['a.com/x=1'] },
      { gpus: [{ driver: 'cdi', device_ids: ['a.com/x=1'] }] },
      { gpus: [{ driver: 'cdi', device_ids: ['a.com/x=2'] }] },
    ],
    [{ runtimes: ['nvidia', 'run*'] }, { runtime: 'runc' }, { runtime: 'kata' }],
    [{ images: ['docker.io/library'] }, { image: 'nginx:1' }, { image: 'acme/nginx' }],
    [{ images: ['docker.io/acme'] }, { image: 'index.docker.io/acme/web:1' }, { image: 'docker.io/acmes/web' }],
    [{ images: ['ghcr.io/acme'] }, { image: `${image}:1` }, { image: 'ghcr.io.evil.com/acme/web' }],
    [{ images: ['ghcr.io/acme/w*'] }, { image }, { image: 'ghcr.io/acme/api' }],
    [{ images: ['localhost:5000'] }, { image: 'localhost:5000/a/b:2' }, { image: 'localhost/a/b' }],
    [{ imageDigest: true }, { image: byDigest }, { image: `${image}:1` }],
    [{ maxMemory: '512m' }, { mem_limit: 512 * 1024 ** 2 }, { mem_limit: 512 * 1024 ** 2 + 1 }],
    [{ maxMemory: 1000 }, { deploy: { resources: { limits: { memory: 1000 } } } }, {}],
    [{ maxMemory: 1000 }, { mem_limit: 1 }, { mem_limit: 0 }],
  ])('%j', (changes, taken, refused) => {
    expect(judge(serviceModel({ web: taken }), changes)).toBeUndefined()
    expect(judge(serviceModel({ web: refused }), changes)).toMatchObject({ code: 'policy-refused' })
  })

  test('volumeTypes, of file systems on a disk with the disk', () => {
    const disk = (source: string): Model =>
      serviceModel({ web: {} }, { volumes: { data: { driver_opts: { type: 'ext4', device: source } } } })
    expect(judge(disk('/dev/sda1'), { volumeTypes: ['ext4'] })).toMatchObject({
      path: expect.stringMatching(/device$/),
    })
    expect(judge(disk('/dev/sda1'), { volumeTypes: ['ext4'], refusedDevices: [] })).toBeUndefined()
  })

  test('commands', () => {
    expect(verbFault('plan', device({ commands: ['pl*'] }))).toBeUndefined()
    expect(verbFault('refresh', device({ commands: ['pl*'] }))).toMatchObject({ code: 'policy-refused' })
  })

  test('refusedCommands, which by default has what takes the device away and what runs any program', () => {
    for (const verb of ['reboot', 'run']) {
      expect(verbFault(verb, device({}))?.message).toMatch(`its policy would need refusedCommands without ${verb}`)
      // Who only names it in the one list has not said that it is harmless.
      expect(verbFault(verb, device({ commands: [verb] }))).toMatchObject({ code: 'policy-refused', path: 'verb' })
      expect(verbFault(verb, device({ refusedCommands: [] }))).toBeUndefined()
    }
    expect(verbFault('restart', device({}))).toBeUndefined()
  })
})

describe('a refused path is refused however it is written', () => {
  const refusedRoots = ['/etc', '/proc', '/sys', '/dev', '/var/lib/docker', '/data/longshore', '/run/systemd']
  const step = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/).filter((text) => !['localtime', 'timezone'].includes(text))
  const noise = fc.constantFrom('', '.', './', '/', './/.')

  test('below it, with . and // and slashes at the end', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...refusedRoots),
        fc.array(step, { maxLength: 4 }),
        fc.array(noise),
        fc.boolean(),
        (root, rest, noises, readOnly) => {
          const steps = [...root.split('/').slice(1), ...rest]
          const written = `/${steps.map((part, index) => `${noises[index] === undefined ? '' : `${noises[index]}/`}${part}`).join('/')}${noises.at(-1) === '' ? '/' : ''}`
          expect(judge(serviceModel({ web: bind(written, readOnly) }))?.code, written).toBe('policy-refused')
        },
      ),
    )
  })

  test('through .., from wherever', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...refusedRoots),
        fc.array(step, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (root, away, readOnly) => {
          const written = `/${away.join('/')}${'/..'.repeat(away.length)}${root}`
          expect(judge(serviceModel({ web: bind(written, readOnly) }))?.code, written).toBe('policy-refused')
        },
      ),
    )
  })

  test('and so is every folder above it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...refusedRoots), fc.nat(3), fc.boolean(), (root, count, readOnly) => {
        const above = `/${root.split('/').slice(1).slice(0, count).join('/')}`
        expect(judge(serviceModel({ web: bind(above, readOnly) }))?.code, above).toBe('policy-refused')
      }),
    )
  })
})

test('a pattern matches as its regular expression would', () => {
  const text = fc.stringMatching(/^[ab.]{0,8}$/)
  fc.assert(
    fc.property(fc.stringMatching(/^[ab.*]{0,6}$/), text, (pattern, given) => {
      const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      expect(matches(pattern, given)).toBe(expression.test(given))
    }),
  )
})
