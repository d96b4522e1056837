using System.Diagnostics;

namespace AdaBN.Mpi.Tests;

/// <summary>
/// UCX, which Debian's MPICH loads, takes SIGSEGV from .NET; without care every caught NullReferenceException then kills the process. AdaBN.Mpi.Probe catches one between two
/// collectives.
/// </summary>
[TestClass]
[DoNotParallelize]
public sealed class NullReferenceTests
{
    [TestMethod]
    [DataRow("openmpi")]
    [DataRow("mpich")]
    public void A_caught_NullReferenceException_does_not_kill_a_rank(string library)
    {
        using Process process = Launcher.StartProgram(Launcher.Of(library, 2), "AdaBN.Mpi.Probe.dll", "2");
        var (exitCode, output, error) = Launcher.Finish(process);
        Assert.AreEqual(0, exitCode, error);
        Assert.AreEqual(2, output.Split("caught and alive").Length - 1, output);
    }
}
