import { testActionStore } from '../response/actions-contract.ts';
import { testAuditStore } from '../response/audit-contract.ts';
import { testDecisionStore } from '../response/decisions-contract.ts';
import { testDeliveryStore, testReportStore } from '../response/deliveries-contract.ts';
import { testActionQueue } from '../response/queue-contract.ts';
import { testVerdictStore } from '../response/verdicts-contract.ts';
import { driverOf } from './response-driver.ts';

testDecisionStore(driverOf((store) => store));
testActionStore(driverOf((store) => store));
testActionQueue(driverOf((store) => store.queue));
testAuditStore(driverOf((store) => store));
testVerdictStore(driverOf((store) => store));
testDeliveryStore(driverOf((store) => store));
testReportStore(driverOf((store) => store));
