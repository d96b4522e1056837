namespace AdaBN.MLNet.Tests;

/// <summary>A temporary folder of this test run's own, so that tests may count what a step leaves there.</summary>
[TestClass]
public static class TemporaryRoot
{
    private static string _folder = "";

    [AssemblyInitialize]
    public static void Create(TestContext context)
    {
        _folder = Directory.CreateTempSubdirectory("mlnet-tests-").FullName;
        foreach (string variable in (string[])["TMPDIR", "TMP", "TEMP"]) Environment.SetEnvironmentVariable(variable, _folder);
    }

    [AssemblyCleanup]
    public static void Remove() => Directory.Delete(_folder, recursive: true);
}
