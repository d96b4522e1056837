using System.ComponentModel;
using System.Diagnostics;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks;

/// <summary>PyTorch, where it is installed: it exports the models and is what people use today.</summary>
internal static class Python
{
    private const string Probe = "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, ['torch', 'onnx', 'numpy'])))";
    private static readonly string[] _candidates = ["/usr/bin/python3", "python3", "python"];
    private static readonly Lazy<string?> _program = new(() => Array.Find(_candidates, program => Succeeds(program, ["-c", Probe], _ => { })));

    /// <summary>The Python that has PyTorch and onnx, or null.</summary>
    public static string? Program => _program.Value;

    public static string Script(string name) => Path.Combine(Repository.Root, "tests", "AdaBN.Benchmarks", name);

    /// <summary>Exports what is missing and says what cannot be done.</summary>
    public static void ExportModels(IEnumerable<string> models, Action<string> say)
    {
        if (Program is null)
        {
            say("skipped PyTorch, and all models but the shipped one: found no Python with torch, onnx and numpy " +
                "(Debian: apt-get install python3-torch python3-torchvision python3-onnx).");
            return;
        }
        IEnumerable<string> wanted = models.Select(model => Workload.IsShipped(model) ? Workload.ModelFile(model) : model);
        if (!Succeeds(Program, ["-B", Script("export_models.py"), Workload.ExportFolder, .. wanted], say))
            say("skipped models: export_models.py failed; its message stands above.");
    }

    private static bool Succeeds(string program, IEnumerable<string> arguments, Action<string> onLine)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
            while (process.StandardOutput.ReadLine() is { } line) onLine(line);
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception) // there is no such program
        {
            return false;
        }
    }
}
