import { describe, expect, test } from 'vitest'
import { modelOf, read, summary, withKey } from './support.ts'

const definitions = `
configs:
  app: {file: ./conf/../conf/app.toml}
  inline: {content: "a=\${A-1}"}
  fromVariable: {environment: MOTD}
secrets:
  password: {file: secret/password.txt}
  token: {environment: TOKEN}
  external: {external: true, name: site.key}
`
const variables = { MOTD: 'hello', TOKEN: 't0ken' }

const service = (lines: string): ReturnType<typeof modelOf> =>
  modelOf(`services:\n  web:\n    image: nginx\n${lines}${definitions}`, { variables })

test('a config is a file of the project, or text; the variable of one is read when deploying', () => {
  expect(service('').configs).toEqual({
    app: { file: './conf/app.toml' },
    inline: { content: 'a=1' },
    fromVariable: { content: 'hello' },
  })
})

test('a model names a secret and holds no value', () => {
  const result = read(`services: {web: {image: nginx}}${definitions}`, { variables })
  if (!result.ok) throw new Error('refused')
  expect(result.model.secrets).toEqual({
    password: { external: true },
    token: { external: true },
    external: { external: true, name: 'site.key' },
  })
  expect(JSON.stringify(result.model)).not.toContain('t0ken')
  expect([...result.secretSources]).toEqual([
    ['password', { file: './secret/password.txt', at: 'secrets.password' }],
    ['token', { value: 't0ken', at: 'secrets.token' }],
  ])
})

test('short and long forms are one', () => {
  expect(service('    configs: [app]\n    secrets: [password]\n').services.web).toEqual(
    service(
      '    configs: [{source: app, target: /app}]\n    secrets: [{source: password, target: /run/secrets/password}]\n',
    ).services.web,
  )
  expect(
    service('    secrets: [{source: password, target: db, uid: 70, gid: "70", mode: 0400}]\n').services.web?.secrets,
  ).toEqual([{ source: 'password', target: '/run/secrets/db', uid: '70', gid: '70', mode: '0400' }])
})

test('a secret environment file is a secret called as the file is', () => {
  const text = withKey('x-longshore: {secretEnvFiles: [conf/db.env], secretEnv: {PASSWORD: password}}', definitions)
  const result = read(text, { variables })
  if (!result.ok) throw new Error(JSON.stringify(result.faults))
  expect(result.model.services.web).toEqual({
    image: 'nginx',
    secrets: [{ source: 'db.env', target: '/run/secrets/db.env' }],
    'x-longshore': { secretEnv: { PASSWORD: 'password' } },
  })
  expect(result.model.secrets?.['db.env']).toEqual({ external: true })
  expect(result.secretSources.get('db.env')).toMatchObject({ file: './conf/db.env' })
})

describe('relative bind mounts are paths of the project folder', () => {
  test.each([
    ['./a:/b', './a'],
    ['.:/b', '.'],
    ['./:/b', '.'],
    ['./a/./b//c/:/b', './a/b/c'],
    ['./a/../b:/b', './b'],
    ['.hidden:/b', './.hidden'],
  ])('%s', (written, source) => {
    expect(modelOf(withKey(`volumes: ["${written}"]`)).services.web?.volumes).toEqual([
      { type: 'bind', source, target: '/b' },
    ])
  })

  test('in long form they need no dot, and may say that nothing of them is sent', () => {
    const line = 'volumes: [{type: bind, source: data, target: /b, x-longshore: {seed: false}}]'
    expect(modelOf(withKey(line)).services.web?.volumes).toEqual([
      { type: 'bind', source: './data', target: '/b', 'x-longshore': { seed: false } },
    ])
  })
})

test('x-longshore.files has its paths in one spelling', () => {
  const text = withKey('volumes: ["./a:/b"]', 'x-longshore: {files: {a/b.conf: release, ./c: data}}')
  expect(modelOf(text)['x-longshore']).toEqual({ files: { './a/b.conf': 'release', './c': 'data' } })
  expect(summary(withKey('tty: true', 'x-longshore: {files: {../a: release, b: never}}'))).toEqual([
    'file-outside 5:29 x-longshore.files.../a',
    'value-invalid 5:41 x-longshore.files.b',
  ])
})

describe('what defines nothing, or too much, is refused', () => {
  test.each([
    ['configs: {a: {}}', 'value-invalid'],
    ['configs: {a: {file: a, content: b}}', 'value-invalid'],
    ['configs: {a: {external: true}}', 'key-unsupported'],
    ['configs: {a: {file: ../a}}', 'file-outside'],
    ['configs: {a: {file: /etc/passwd}}', 'file-outside'],
    ['configs: {a: {environment: NONE}}', 'variable-undefined'],
    ['secrets: {a: {}}', 'value-invalid'],
    ['secrets: {a: {file: a, external: true}}', 'value-invalid'],
    ['secrets: {a: {external: false}}', 'value-invalid'],
    ['secrets: {a: {file: ~/a/../../x}}', 'file-outside'],
    ['secrets: {a: {driver: vault, external: true}}', 'key-unsupported'],
  ])('%s', (text, code) => {
    expect(summary(withKey('tty: true', text)).map((line) => line.split(' ')[0])).toEqual([code])
  })
})
