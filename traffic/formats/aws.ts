/** AWS: CloudTrail, one event a line, and API Gateway access logs in the format the documentation suggests. */
import type { TrafficEvent } from '../contract.ts';
import { isoOf, requestUuidOf, targetOf } from './shared.ts';

const ACCOUNT = '123456789012';
const REGION = 'us-east-1';
const ERRORS: Readonly<Record<number, string>> = {
  401: 'InvalidClientTokenId',
  403: 'AccessDenied',
  404: 'ResourceNotFoundException',
  422: 'ValidationException',
  429: 'ThrottlingException',
  503: 'ServiceUnavailableException',
};

export function cloudtrailLine(event: TrafficEvent): string {
  const { key, route } = event;
  const user = key.label;
  const error = ERRORS[event.status];
  const failure =
    error === undefined ? '' : `"errorCode":"${error}","errorMessage":"request failed",`;
  const id = requestUuidOf(event);
  return (
    `{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA${key.accessKeyId.slice(4)}",` +
    `"arn":"arn:aws:iam::${ACCOUNT}:user/${user}","accountId":"${ACCOUNT}",` +
    `"accessKeyId":"${key.accessKeyId}","userName":"${user}"},` +
    `"eventTime":"${isoOf(event.at).slice(0, 19)}Z","eventSource":"${route.awsSource}",` +
    `"eventName":"${route.awsName}","awsRegion":"${REGION}",` +
    `"sourceIPAddress":"${event.address.text}","userAgent":"${event.agent.text}",${failure}` +
    `"requestParameters":{"resourceId":"${event.resource}"},"responseElements":null,` +
    `"additionalEventData":{"bytesTransferredIn":${event.bytesIn},"bytesTransferredOut":${event.bytesOut}},` +
    `"requestID":"${id.slice(0, 18).toUpperCase()}","eventID":"${id}","readOnly":${route.readOnly},` +
    `"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"${ACCOUNT}",` +
    `"eventCategory":"Management"}`
  );
}

/** Every value is a string, as the service writes them; missing ones are `-`. */
export function awsApigatewayLine(event: TrafficEvent): string {
  const { route, status } = event;
  const path = targetOf(event);
  const question = path.indexOf('?');
  return (
    `{"requestId":"${requestUuidOf(event)}","requestTimeEpoch":"${event.at}",` +
    `"ip":"${event.address.text}","userAgent":"${event.agent.text}","apiKeyId":"${event.key.apiKeyId}",` +
    `"httpMethod":"${route.method}","path":"/prod${question < 0 ? path : path.slice(0, question)}",` +
    `"resourcePath":"${route.template}","stage":"prod","protocol":"HTTP/1.1","status":"${status}",` +
    `"responseLength":"${event.bytesOut}","responseLatency":"${event.durationMs}",` +
    `"integrationLatency":"${status === 429 ? '-' : event.durationMs}",` +
    `"integrationStatus":"${status === 429 ? '-' : status}","principalId":"-",` +
    `"errorType":"${status === 429 ? 'THROTTLED' : '-'}","accountId":"-","userArn":"-",` +
    `"domainName":"api.example.com"}`
  );
}
