using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>A real Slurm on this machine, of four nodes that share it: without systemd and cgroups, on ports of its own, gone afterwards.</summary>
internal sealed class SlurmCluster : IDisposable
{
    public const int Nodes = 4;

    private readonly TemporaryFolder _folder = new();
    private readonly List<Process> _daemons = [];

    private SlurmCluster()
    {
        string host = Environment.MachineName.Split('.')[0], munge = File("munge");
        int[] ports = FreePorts(Nodes + 1);
        System.IO.File.WriteAllBytes($"{munge}.key", System.Security.Cryptography.RandomNumberGenerator.GetBytes(64));
        Directory.CreateDirectory(File("state"));
        for (int node = 1; node <= Nodes; node++) Directory.CreateDirectory(File($"tmp.node{node}"));
        System.IO.File.WriteAllText(File("slurm.conf"), $"""
            ClusterName=adabn
            SlurmctldHost={host}(127.0.0.1)
            SlurmctldPort={ports[Nodes]}
            SlurmctldPidFile={File("slurmctld.pid")}
            SlurmctldLogFile={File("slurmctld.log")}
            SlurmUser=root
            StateSaveLocation={File("state")}
            AuthInfo=socket={munge}.socket
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            JobAcctGatherType=jobacct_gather/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU
            SlurmdParameters=config_overrides
            SlurmdSpoolDir={File("spool.%n")}
            SlurmdPidFile={File("slurmd.%n.pid")}
            SlurmdLogFile={File("slurmd.%n.log")}
            TmpFS={File("tmp.%n")}
            NodeName=node[1-{Nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{string.Join(',', ports[..Nodes])}] CPUs=32 RealMemory=1000 State=UNKNOWN
            PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP

            """);
        Program("adabn", $"echo \"$@\" >> '{File("calls")}'\nexec dotnet '{AppContext.BaseDirectory}AdaBN.Cli.dll' \"$@\"");
        try
        {
            StartDaemon("munged", "--foreground", "--force", $"--key-file={munge}.key", $"--socket={munge}.socket", $"--pid-file={munge}.pid", $"--log-file={munge}.log", $"--seed-file={munge}.seed");
            Wait.For(() => System.IO.File.Exists($"{munge}.socket"), "munged's socket");
            StartDaemon("slurmctld", "-D", "-c");
            for (int node = 1; node <= Nodes; node++) StartDaemon("slurmd", "-D", "-N", $"node{node}");
            Wait.For(() => Run("sinfo -h -t idle -o %D").Output.Trim() == $"{Nodes}", "idle nodes");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Path => _folder.Path;

    /// <summary>Command lines of <c>adabn</c> so far, one a task.</summary>
    public string[] Calls => System.IO.File.Exists(File("calls")) ? System.IO.File.ReadAllLines(File("calls")) : [];

    /// <summary>Starts one; inconclusive where that cannot be.</summary>
    public static SlurmCluster Start()
    {
        string[] missing = [.. ((string[])["munged", "slurmctld", "slurmd", "sbatch"]).Where(program => Find(program) is null)];
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess || missing.Length > 0)
            Assert.Inconclusive($"a cluster of one's own needs Linux, root and Slurm{(missing.Length > 0 ? $"; there is no {string.Join(", ", missing)}" : "")} (Debian: apt-get install slurmctld slurmd slurm-client munge)");
        return new SlurmCluster();
    }

    public string File(string name) => _folder.File(name);

    /// <summary>Runs a line of the shell as a user of the cluster.</summary>
    public (int ExitCode, string Output, string Error) Run(string line)
    {
        using Process process = StartLine(line);
        return Launcher.Finish(process);
    }

    public Process StartLine(string line)
    {
        var start = new ProcessStartInfo("bash", ["-c", line]) { WorkingDirectory = Path, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SLURM_CONF"] = File("slurm.conf");
        start.Environment["PATH"] = $"{Path}:{Environment.GetEnvironmentVariable("PATH")}";
        return Process.Start(start)!;
    }

    public void Dispose()
    {
        foreach (Process daemon in Enumerable.Reverse(_daemons))
        {
            Process.Start("kill", ["-TERM", $"{daemon.Id}"]).WaitForExit();
            if (!daemon.WaitForExit(TimeSpan.FromSeconds(20))) daemon.Kill(entireProcessTree: true);
            daemon.Dispose();
        }
        _folder.Dispose();
    }

    private void StartDaemon(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(Find(program)!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SLURM_CONF"] = File("slurm.conf");
        Process daemon = Process.Start(start)!;
        daemon.OutputDataReceived += (_, _) => { }; // its log says the same
        daemon.ErrorDataReceived += (_, _) => { };
        daemon.BeginOutputReadLine();
        daemon.BeginErrorReadLine();
        _daemons.Add(daemon);
    }

    private void Program(string name, string script)
    {
        System.IO.File.WriteAllText(File(name), $"#!/bin/sh\n{script}\n");
        if (!OperatingSystem.IsWindows()) System.IO.File.SetUnixFileMode(File(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (!OperatingSystem.IsWindows()) System.IO.File.SetUnixFileMode(File("munge.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite); // or munged refuses it
    }

    private static string? Find(string program) => ((string[])["/usr/sbin", "/usr/bin"]).Select(folder => System.IO.Path.Combine(folder, program)).FirstOrDefault(System.IO.File.Exists);

    private static int[] FreePorts(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        foreach (TcpListener listener in listeners) listener.Start();
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        foreach (TcpListener listener in listeners) listener.Stop();
        return ports;
    }
}
