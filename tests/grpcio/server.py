"""The Greeter of tests/scripts/protos on grpcio, with reflection and health: an implementation of gRPC that nobody here wrote.

Prints its port. With the argument `gzip` it compresses its messages."""
import sys
import time
from concurrent import futures
import grpc
from grpc_reflection.v1alpha import reflection
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from google.rpc import status_pb2, error_details_pb2
from google.protobuf import any_pb2, empty_pb2
import greeter_pb2
import greeter_pb2_grpc


class Greeter(greeter_pb2_grpc.GreeterServicer):
    def Hello(self, request, context):
        meta = dict(context.invocation_metadata())
        if request.name == "error":
            detail = any_pb2.Any()
            detail.Pack(error_details_pb2.ErrorInfo(reason="BAD", domain="d"))
            context.abort_with_status(rpc_status.to_status(status_pb2.Status(code=3, message="kö", details=[detail])))
        if request.name == "slow":
            time.sleep(5)
        context.send_initial_metadata((("x-echo", meta.get("x-one", "")), ("x-raw-bin", b"\xc3\xa4")))
        context.set_trailing_metadata((("x-end", "yes"),))
        text = f"timeout={context.time_remaining() or 0:.0f}"
        return greeter_pb2.Reply(text=text, number=request.number, hello=request, blob=b"\x07" * request.size)

    def Empty(self, request, context):
        return empty_pb2.Empty()

    def Count(self, request, context):
        for n in range(1, request.number + 1):
            yield greeter_pb2.Reply(text=request.name, number=n)

    def Sum(self, requests, context):
        return greeter_pb2.Reply(number=sum(r.number for r in requests))

    def Chat(self, requests, context):
        for r in requests:
            yield greeter_pb2.Reply(text="re: " + r.name, number=r.number)


compression = grpc.Compression.Gzip if "gzip" in sys.argv else None
server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), compression=compression)
greeter_pb2_grpc.add_GreeterServicer_to_server(Greeter(), server)
servicer = health.HealthServicer()
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
servicer.set("", health_pb2.HealthCheckResponse.SERVING)
servicer.set("demo.Broken", health_pb2.HealthCheckResponse.NOT_SERVING)
reflection.enable_server_reflection(("demo.Greeter", reflection.SERVICE_NAME, health.SERVICE_NAME), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
