using System.Globalization;

namespace AdaBN.Mpi;

/// <summary>What the launcher that started this process says of the job, before any MPI library is loaded.</summary>
/// <param name="Size">Processes that it has started; 1 where nothing says so.</param>
/// <param name="Source">The environment variable that says so; null where none does.</param>
public sealed record MpiLaunch(int Size, string? Source)
{
    private static readonly string[] s_openMpi = ["OMPI_COMM_WORLD_SIZE"], s_others = ["PMI_SIZE"];

    /// <summary>Reads the environment.</summary>
    public static MpiLaunch Current
    {
        get
        {
            foreach (string name in (string[])[.. s_openMpi, .. s_others, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"])
            {
                // A batch script of Slurm itself runs once, whatever the number of tasks it asks for.
                bool isSlurm = name.StartsWith("SLURM", StringComparison.Ordinal);
                if (isSlurm && (Environment.GetEnvironmentVariable("SLURM_PROCID") is null || Environment.GetEnvironmentVariable("SLURM_STEP_ID") is null)) continue;
                if (int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int size)) return new MpiLaunch(size, name);
            }
            return new MpiLaunch(1, null);
        }
    }

    /// <summary>Whether Open MPI's launcher, or one that speaks PMIx as it does, started this process.</summary>
    internal static bool PrefersOpenMpi =>
        Array.Exists(s_openMpi, name => Environment.GetEnvironmentVariable(name) is not null)
        || (Environment.GetEnvironmentVariable("PMIX_RANK") is not null && Environment.GetEnvironmentVariable("PMI_SIZE") is null)
        || !Array.Exists(s_others, name => Environment.GetEnvironmentVariable(name) is not null);
}
