"""The edge to Prefect: one @task is one step that may run twice. It calls one plain function and returns
something small.

What may be tried again is decided here (`tasks.door`); what a step does is decided in `treem`.
"""
