import { expect, test } from 'vitest'
import { isSecretName } from '../../src/compose/suspect-secrets.ts'
import { read, withKey } from './support.ts'

test.each([
  ['DB_PASSWORD', true],
  ['PGPASSWORD', true],
  ['db-passwd', true],
  ['apiKey', true],
  ['API_KEY', true],
  ['KEY', true],
  ['MQTT_TOKEN', true],
  ['client.secret', true],
  ['DB_PASS', true],
  ['requirepass', true],
  ['MYSQL_PWD', true],
  ['passphrase', true],
  ['CREDENTIALS', true],
  ['BYPASS', false],
  ['COMPASS', false],
  ['PWD', false],
  ['MONKEY', false],
  ['KEYBOARD', false],
  ['TOKENIZER', false],
  ['SSH_PUBLIC_KEY', false],
  ['DB_PASSWORD_FILE', false],
])('%s is the name of a secret: %s', (name, expected) => {
  expect(isSecretName(name)).toBe(expected)
})

const notesOf = (environment: string): string[] => {
  const result = read(withKey(`environment: ${environment}`), { variables: { SECRET: 'hunter2' } })
  if (!result.ok) throw new Error('refused')
  return result.notes.map(({ message }) => message)
}

test.each([
  ['{DB_PASSWORD: hunter2}', 'services.web.environment.DB_PASSWORD'],
  ['["DB_PASSWORD=hunter2"]', 'services.web.environment[0] (DB_PASSWORD)'],
  ['{TOKEN: "${SECRET}"}', 'services.web.environment.TOKEN'],
])('a note names the secret of %s and never shows it', (environment, path) => {
  const [note, ...others] = notesOf(environment)
  expect(note).toContain(path)
  expect(note).toContain('longshore secret set')
  expect(note).not.toContain('hunter2')
  expect(others).toEqual([])
})

test.each([['{DB_PASSWORD: ""}'], ['{TLS_KEY: /run/secrets/key}'], ['{TLS_KEY: ./key}'], ['{SECRET: }'], ['[SECRET]']])(
  'nothing is said of %s',
  (environment) => {
    expect(notesOf(environment)).toEqual([])
  },
)
