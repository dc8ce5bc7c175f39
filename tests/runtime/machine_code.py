"""Objects made by LLVM for the tests of the loader and of plans."""

import functools

import llvmlite.binding as llvm


@functools.cache
def _machine(triple, cpu):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    triple = triple or llvm.get_process_triple()
    if cpu is None:
        native = triple == llvm.get_process_triple()
        cpu = llvm.get_host_cpu_name() if native else ""
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, opt=2, reloc="pic", codemodel="small"
    )


@functools.cache
def compile_object(text, triple=None, level=2, cpu=None):
    """The relocatable object of LLVM text; for this machine unless others are named."""
    machine = _machine(triple, cpu)
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=level)
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)
