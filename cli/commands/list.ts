/** Every command there is. A new one is a file beside this and a line here. */
import type { Command } from '../command.ts';
import { actionCommands } from './actions.ts';
import { auditVerify } from './audit-verify.ts';
import { backtest } from './backtest.ts';
import { channelsTest } from './channels-test.ts';
import { configCheck } from './config-check.ts';
import { configDocs } from './config-docs.ts';
import { configSchemaCommand } from './config-schema.ts';
import { decisionCommands } from './decisions.ts';
import { demo } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { explain } from './explain.ts';
import { incidents } from './incidents.ts';
import { incidentsClose } from './incidents-close.ts';
import { incidentsShow } from './incidents-show.ts';
import { kafkaInit } from './kafka-init.ts';
import { keys } from './keys.ts';
import { keysShow } from './keys-show.ts';
import { policyCommands } from './policy.ts';
import { replay } from './replay.ts';
import { ruleCommands } from './rules.ts';
import { run } from './run.ts';
import { score } from './score.ts';
import { stateBackup } from './state-backup.ts';
import { stateRestore } from './state-restore.ts';
import { verbCommands } from './verbs.ts';

export const COMMANDS: readonly Command[] = Object.freeze([
  demo,
  run,
  replay,
  backtest,
  score,
  keys,
  keysShow,
  incidents,
  incidentsShow,
  incidentsClose,
  explain,
  ...actionCommands,
  ...decisionCommands,
  ...verbCommands,
  ...policyCommands,
  ...ruleCommands,
  auditVerify,
  channelsTest,
  configCheck,
  configSchemaCommand,
  configDocs,
  doctorCommand,
  stateBackup,
  stateRestore,
  kafkaInit,
]);
