using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>The onnx package's own checker with shape inference, where a Python has that package.</summary>
internal static class OnnxChecker
{
    public const string WhySkipped = "found no Python with the package onnx (Debian: apt-get install python3-onnx)";

    private const string Script = """
        import glob, onnx, sys
        checked = 0
        for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
            model = onnx.load(path)
            if max(o.version for o in model.opset_import if o.domain == "") > onnx.defs.onnx_opset_version(): continue
            try: onnx.checker.check_model(model, full_check=True)
            except Exception as e: sys.exit(f"{path}: {e}")
            checked += 1
        print(checked)
        """;

    private static readonly Lazy<string?> Program = new(() => Array.Find(["/usr/bin/python3", "python3", "python"], program => Run(program, "import onnx") is not null));

    public static bool IsInstalled => Program.Value is not null;

    /// <summary>Checks models; tells how many were of an operator set that the package knows.</summary>
    public static int Check(IEnumerable<OnnxModel> models)
    {
        using var folder = new TemporaryFolder();
        foreach ((int i, OnnxModel model) in models.Index()) model.Save(folder.File($"{i}.onnx"));
        return int.Parse(Run(Program.Value!, Script, folder.Path) ?? "-1", CultureInfo.InvariantCulture);
    }

    private static string? Run(string program, string script, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, ["-c", script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0 && arguments.Length > 0) Assert.Fail(error.Result);
            return process.ExitCode == 0 ? output : null;
        }
        catch (Win32Exception) // there is no such program
        {
            return null;
        }
    }
}
