"""The C interface from Python with nothing but ctypes: a rate limit, a session, a cached value, health.

    python3 examples/python/envoyou_example.py build/release/lib/libenvoyou_c.so
"""
import ctypes as c
import json
import sys

lib = c.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libenvoyou_c.so")
DEFAULT_DEADLINE = c.c_int64(0)


class Bytes(c.Structure):
    _fields_ = [("data", c.POINTER(c.c_char)), ("size", c.c_size_t)]


class Rule(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("limit", c.c_int64), ("window_ms", c.c_int64), ("name", Bytes)]


class Decision(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("limit", c.c_int64), ("remaining", c.c_int64), ("retry_after_ms", c.c_int64),
                ("reset_after_ms", c.c_int64), ("source", c.c_int32), ("allowed", c.c_uint8), ("reserved", c.c_uint8 * 3)]


class NewSession(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("user_id", Bytes), ("user_data", Bytes), ("device_info", Bytes),
                ("ip_address", Bytes)]


def given(value: bytes) -> Bytes:
    return Bytes(c.cast(value, c.POINTER(c.c_char)), len(value))


def shown(function: str, handle: c.c_void_p) -> bytes:
    """What a handle shows, copied, so that it may outlive the handle."""
    getattr(lib, function).restype = Bytes
    view = getattr(lib, function)(handle)
    return c.string_at(view.data, view.size) if view.size else b""


def call(function: str, *arguments) -> None:
    """Calls what can fail: its status becomes an exception with the message."""
    error = c.c_void_p()
    status = getattr(lib, function)(*arguments, c.byref(error))
    if status != 0:
        message = shown("envoyou_error_message", error).decode()
        lib.envoyou_error_free(error)
        raise RuntimeError(f"{function}: {message} ({status})")


services, session, value, health = c.c_void_p(), c.c_void_p(), c.c_void_p(), c.c_void_p()
call("envoyou_services_open_env", None, c.byref(services))

rule, decision = Rule(c.sizeof(Rule), 30, 60_000), Decision(c.sizeof(Decision))
call("envoyou_rate_check", services, given(b"user_123"), c.byref(rule), c.c_size_t(1), None, c.byref(decision))
print("allowed" if decision.allowed else "denied", decision.remaining, "remaining")

wanted = NewSession(c.sizeof(NewSession), given(b"user_123"), given(b'{"plan": "free"}'))
call("envoyou_session_create", services, c.byref(wanted), DEFAULT_DEADLINE, c.byref(session))
print("session:", json.loads(shown("envoyou_session_user_data", session)))
call("envoyou_session_delete", services, given(shown("envoyou_session_id", session)), DEFAULT_DEADLINE, None)
lib.envoyou_session_free(session)

anything = b"bytes\0of any kind"
call("envoyou_cache_set", services, given(b"greeting"), given(anything), c.c_int64(60_000), DEFAULT_DEADLINE, None)
call("envoyou_cache_get", services, given(b"greeting"), DEFAULT_DEADLINE, c.byref(value), None)
assert shown("envoyou_buffer_bytes", value) == anything
lib.envoyou_buffer_free(value)

call("envoyou_health_json", services, DEFAULT_DEADLINE, c.byref(health))
print("health:", json.loads(shown("envoyou_buffer_bytes", health))["data"]["services"])
lib.envoyou_buffer_free(health)
lib.envoyou_services_free(services)
