using System.Diagnostics;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>Two hosts that have a network between them and nothing else in common but the disk: network namespaces, joined by a virtual cable.</summary>
[TestClass]
[DoNotParallelize]
public sealed class NetworkTests
{
    private const string First = "adabn-host1", Second = "adabn-host2";

    [TestMethod]
    public void Ranks_on_two_hosts_write_the_bytes_of_one_process()
    {
        string mpirun = Launcher.Of("openmpi", 2)[0];
        if (OperatingSystem.IsWindows() || !TryConnect())
        {
            Assert.Inconclusive("network namespaces need Linux, root and iproute2");
            return;
        }
        try
        {
            using var folder = new TemporaryFolder();
            var random = new Random(1);
            Npy.Write(folder.File("digits.npy"), [.. Enumerable.Range(0, 600 * 784).Select(_ => random.NextSingle())], 600, 1, 28, 28);
            File.WriteAllText(folder.File("agent.sh"), $"#!/bin/sh\nwhile [ \"${{1#-}}\" != \"$1\" ]; do shift; done\nshift\nexec ip netns exec {Second} sh -c \"$*\"\n"); // what ssh is elsewhere
            File.SetUnixFileMode(folder.File("agent.sh"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            string[] adapt = ["adapt", Repository.Model("digits-cnn.onnx"), "--data", folder.File("digits.npy")];
            Launcher.Run([], [.. adapt, "--out", folder.File("alone.onnx")]);

            string[] launcher = ["ip", "netns", "exec", First, mpirun, "-n", "2", "--allow-run-as-root", "--bind-to", "none", "--host", "10.77.0.1:1,10.77.0.2:1", "-x", "TERM=dumb",
                "--mca", "plm_rsh_agent", folder.File("agent.sh"), "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24"];
            long before = BytesSent();
            var (exitCode, _, error) = Launcher.Run(launcher, [.. adapt, "--out", folder.File("together.onnx"), "--workers", "2"]);
            Assert.AreEqual(0, exitCode, error);
            CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("alone.onnx")), File.ReadAllBytes(folder.File("together.onnx")));
            Assert.IsGreaterThan(10_000, BytesSent() - before, "nothing went over the network");
        }
        finally
        {
            Disconnect();
        }
    }

    private static bool TryConnect()
    {
        Disconnect();
        return Environment.IsPrivilegedProcess && File.Exists("/usr/sbin/ip") && Ip($"netns add {First}") && Ip($"netns add {Second}")
            && Ip($"link add cable1 netns {First} type veth peer name cable2 netns {Second}")
            && Ip($"-n {First} addr add 10.77.0.1/24 dev cable1") && Ip($"-n {Second} addr add 10.77.0.2/24 dev cable2")
            && Ip($"-n {First} link set lo up") && Ip($"-n {Second} link set lo up") && Ip($"-n {First} link set cable1 up") && Ip($"-n {Second} link set cable2 up");
    }

    private static void Disconnect()
    {
        Ip($"netns del {First}");
        Ip($"netns del {Second}");
    }

    private static long BytesSent()
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", First, "cat", "/sys/class/net/cable1/statistics/tx_bytes"]) { RedirectStandardOutput = true })!;
        return long.Parse(process.StandardOutput.ReadToEnd());
    }

    private static bool Ip(string arguments)
    {
        if (!File.Exists("/usr/sbin/ip")) return false;
        using Process process = Process.Start(new ProcessStartInfo("/usr/sbin/ip", arguments.Split(' ')) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
