import { Metadata } from "@grpc/grpc-js";
import {
  CoordinationServiceClient,
  channelCredentials,
  type GetStatusResponse,
  grpcError,
} from "@muster/client/internal";

/**
 * Asks one member how it and its ensemble are; needs no session, so that a member that does not serve answers too.
 * Rejects with a MusterError.
 */
export async function callStatus(endpoint: string, timeoutMs: number): Promise<GetStatusResponse> {
  const client = new CoordinationServiceClient(endpoint, channelCredentials(undefined));
  try {
    return await new Promise((resolve, reject) => {
      client.getStatus({}, new Metadata(), { deadline: Date.now() + timeoutMs }, (error, response) => {
        if (error === null) resolve(response);
        else reject(grpcError(error));
      });
    });
  } finally {
    client.close();
  }
}
